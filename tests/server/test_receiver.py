"""Hard decisions: from samples to a packet, with errors or without."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsc_common.errors import InvalidInputError
from dsc_common.link import ReceivedSignal
from dsc_common.modulation import Mode, bpsk_modulate
from dsc_common.packet import HeadCodec, Packet, PacketFormat, head_check_ok, pack, unpack
from dsc_server.receiver import receive_hard

FMT = PacketFormat()


def signal(data: bytes) -> ReceivedSignal:
    return ReceivedSignal(Mode.BPSK, bpsk_modulate(data).astype(np.float32), 0.1)


@given(st.binary(min_size=47, max_size=47))
def test_whatever_bytes_arrive_are_read_as_they_are(data: bytes) -> None:
    reception = receive_hard([signal(data)], FMT)
    assert reception.packet.labels.tolist() == unpack(data, FMT).labels.tolist()
    assert reception.packet.codes.tolist() == unpack(data, FMT).codes.tolist()
    assert reception.head_check_ok == head_check_ok(data, FMT)


@pytest.mark.parametrize("codec", HeadCodec)
def test_a_clean_packet_is_read_and_a_flipped_label_bit_is_seen_by_crc6(codec: HeadCodec) -> None:
    fmt = PacketFormat(head_codec=codec)
    labels = np.array([5, 4, 3, 2, 1])
    data = pack(Packet(labels, np.zeros((5, 8), dtype=np.uint8)), fmt)
    clean = receive_hard([signal(data)], fmt)
    assert clean.head_check_ok
    assert clean.packet.labels.tolist() == labels.tolist()
    hit = receive_hard([signal(bytes([data[0] ^ 0x80]) + data[1:])], fmt)
    assert hit.packet.labels.tolist() == [517, 4, 3, 2, 1]
    assert hit.head_check_ok == (codec is HeadCodec.ZERO)


@pytest.mark.parametrize("count", [0, 368, 375, 377, 384])
def test_another_number_of_samples_is_refused(count: int) -> None:
    received = ReceivedSignal(Mode.BPSK, np.ones(count, dtype=np.float32), 1.0)
    line = f"^expected 376 samples for a packet of 47 bytes by bpsk, got {count}$"
    with pytest.raises(InvalidInputError, match=line):
        receive_hard([received], FMT)
