"""Receivers by name: hard decisions are the packet at its word, and what is no signal of one is refused."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsc_common.codebook.codebook import decode_residual
from dsc_common.errors import InvalidInputError
from dsc_common.packet.format import HeadCodec, PacketFormat
from dsc_common.packet.packing import Packet, head_check_ok, pack, unpack
from dsc_common.radio.link import ReceivedSignal
from dsc_common.radio.modes import Mode
from dsc_server.index.semantic_index import SemanticIndex
from dsc_server.receiving.registry import RECEIVERS, receive, receiver_name
from helpers.bpsk import bpsk_modulate
from helpers.examples import random_index

FMT = PacketFormat()


def index_of(fmt: PacketFormat) -> SemanticIndex:
    return random_index(np.random.default_rng(0), [label % 4 for label in range(1000)], fmt, 1)


INDEX = index_of(FMT)


def signal(data: bytes) -> ReceivedSignal:
    return ReceivedSignal(Mode.BPSK, bpsk_modulate(data).astype(np.float32), 0.1)


@given(st.binary(min_size=47, max_size=47))
def test_whatever_bytes_arrive_are_read_as_they_are(data: bytes) -> None:
    decoded, packet = receive(INDEX, [signal(data)], "hard"), unpack(data, FMT)
    assert decoded.head.labels.tolist() == packet.labels.tolist()
    assert decoded.head.trusted == head_check_ok(data, FMT)
    assert decoded.head.corrected == 0
    first = {
        label: code for label, code in reversed(list(zip(packet.labels.tolist(), packet.codes, strict=True)))
    }
    named = [label for label in dict.fromkeys(packet.labels.tolist()) if label < 1000]
    assert decoded.partitions.tolist() == named
    for label, residual in zip(named, decoded.residuals, strict=True):
        words = INDEX.codebook.subcodebooks(label)
        assert residual.tolist() == decode_residual(first[label], words).tolist()


def set_by_search(number: int) -> list[int]:
    """The five labels of a number, the largest first: each the largest whose binomial is not above it."""
    labels = []
    for place in range(5, 0, -1):
        labels.append(max(c for c in range(1000) if math.comb(c, place) <= number))
        number -= math.comb(labels[-1], place)
    return labels[::-1]


@pytest.mark.parametrize("codec", HeadCodec)
def test_a_clean_packet_is_read_and_a_flipped_label_bit_is_seen_by_check_bits(codec: HeadCodec) -> None:
    fmt = PacketFormat(head_codec=codec)
    index = index_of(fmt)
    labels = [1, 2, 3, 4, 5] if codec is HeadCodec.SET else [5, 4, 3, 2, 1]
    data = pack(Packet(np.array(labels), np.zeros((5, 8), dtype=np.uint8)), fmt)
    clean = receive(index.summary, [signal(data)], "hard")
    assert clean.head.trusted
    assert clean.head.labels.tolist() == labels
    hit = receive(index.summary, [signal(bytes([data[0] ^ 0x80]) + data[1:])], "hard")
    # The number of {1, 2, 3, 4, 5} is 5, and the first of its 43 bits counts 2^42.
    changed = set_by_search(5 + 2**42) if codec is HeadCodec.SET else [517, 4, 3, 2, 1]
    assert hit.head.labels.tolist() == changed
    assert hit.head.trusted == (codec is HeadCodec.ZERO)


@pytest.mark.parametrize("name", RECEIVERS)
@pytest.mark.parametrize("count", [0, 368, 375, 377, 384])
def test_another_number_of_samples_is_refused(name: str, count: int) -> None:
    received = ReceivedSignal(Mode.BPSK, np.ones(count, dtype=np.float32), 1.0)
    line = f"^expected 376 samples for a packet of 47 bytes with bpsk, got {count}$"
    with pytest.raises(InvalidInputError, match=line):
        receive(INDEX, [received], name)


def test_receivers_by_name() -> None:
    assert {name: receiver_name(name) for name in RECEIVERS} == {name: name for name in RECEIVERS}
    assert receiver_name(None) == receiver_name("default") == receiver_name("") == "joint"
    for name in ("best", "HARD", "hard "):
        line = f"^unknown receiver '{name}'; expected one of hard, list, soft, joint, default$"
        with pytest.raises(InvalidInputError, match=line):
            receiver_name(name)
