"""The radio's values to messages and back, through bytes; nonsense is refused."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsc.v1 import channel_pb2
from dsc_common.errors import InvalidInputError
from dsc_common.radio.fec import Fec
from dsc_common.radio.link import Fading, HeadProtection, LinkChoice, LinkReport, ReceivedSignal
from dsc_common.radio.modes import SPECS, Mode
from dsc_common.wire.channel import (
    FADINGS,
    FECS,
    HEAD_PROTECTIONS,
    MODES,
    link_choice_from_proto,
    link_choice_to_proto,
    link_report_from_proto,
    link_report_to_proto,
    signal_from_proto,
    signal_to_proto,
)
from helpers.strategies import finite, uint32, uint64
from helpers.wire import sent

numbers = st.none() | st.floats(allow_nan=False)
MODE_NAMES = ", ".join(Mode)


@given(
    st.sampled_from(Mode),
    st.lists(st.floats(-1e9, 1e9, width=32), max_size=50),
    st.floats(1e-300, 1e15),
    st.sampled_from(Fec),
    st.lists(st.floats(0, 10, width=32), max_size=5),
    uint32,
    st.booleans(),
    st.binary(max_size=9),
    st.text(max_size=9),
)
def test_signal(
    mode: Mode,
    samples: list[float],
    variance: float,
    fec: Fec,
    gains: list[float],
    block: int,
    estimate: bool,
    genie: bytes,
    key: str,
) -> None:
    signal = ReceivedSignal(
        mode,
        np.array(samples * SPECS[mode].samples_per_use, dtype=np.float32),
        variance,
        fec,
        np.array(gains, dtype=np.float32),
        block,
        estimate,
        genie,
        key,
    )
    message = sent(signal_to_proto(signal))
    assert message.channel_uses == signal.uses == len(samples)
    read = signal_from_proto(message)
    for name, value in vars(signal).items():
        if isinstance(value, np.ndarray):
            assert getattr(read, name).dtype == np.float32
            assert getattr(read, name).tobytes() == value.tobytes()
        else:
            assert getattr(read, name) == value


def test_a_signal_that_names_no_error_correction_has_none() -> None:
    message = channel_pb2.ReceivedSignal(mode=1, samples=[0.5], noise_variance=1.0, channel_uses=1)
    assert signal_from_proto(sent(message)).fec is Fec.NONE


@given(
    st.builds(
        LinkChoice,
        mode=st.none() | st.sampled_from(Mode),
        snr_db=numbers,
        seed=st.none() | uint64,
        fec=st.none() | st.sampled_from(Fec),
        uses=st.none() | uint32,
        fading=st.none() | st.sampled_from(Fading),
        rician_k_db=numbers,
        fading_block_uses=st.none() | uint32,
        channel_knowledge=st.none() | st.booleans(),
        head_protection=st.none() | st.sampled_from(HeadProtection),
        erasure_rate=numbers,
        erasure_burst=numbers,
        latency_ms=numbers,
        resends=st.none() | uint32,
    )
)
def test_link_choice(choice: LinkChoice) -> None:
    assert link_choice_from_proto(sent(link_choice_to_proto(choice))) == choice


@given(
    st.builds(
        LinkReport,
        mode=st.sampled_from(Mode),
        snr_db=finite | st.just(math.inf),
        seed=uint64,
        channel_uses=uint32,
        energy=finite,
        bit_errors=uint32,
        head_ok=st.booleans(),
        bits_sent=uint32,
        snr_definition=st.text(max_size=20),
        complex_uses=st.booleans(),
        fec=st.sampled_from(Fec),
        uses=uint32,
        fading=st.sampled_from(Fading),
        channel_knowledge=st.booleans(),
        genie=st.booleans(),
        transmissions=uint32,
        lost=uint32,
        erased=st.booleans(),
    )
)
def test_link_report(report: LinkReport) -> None:
    assert link_report_from_proto(sent(link_report_to_proto(report))) == report


def test_every_member_has_a_number_of_its_own_that_is_not_unspecified() -> None:
    tables = [
        (Mode, MODES),
        (Fec, FECS),
        (Fading, FADINGS),
        (HeadProtection, HEAD_PROTECTIONS),
    ]
    for members, table in tables:
        assert set(table) == set(members)
        numbers = [int(number) for number in table.values()]
        assert len(set(numbers)) == len(numbers)
        assert 0 not in numbers


@pytest.mark.parametrize("number", [0, 99])
def test_modes_that_name_nothing_are_refused(number: int) -> None:
    line = f"^expected a mode among {MODE_NAMES}, got number {number}$"
    signal = channel_pb2.ReceivedSignal(mode=number, samples=[1.0], noise_variance=1.0, channel_uses=1)
    with pytest.raises(InvalidInputError, match=line):
        signal_from_proto(sent(signal))
    with pytest.raises(InvalidInputError, match=line):
        link_choice_from_proto(sent(channel_pb2.ChannelOptions(mode=number)))
    with pytest.raises(InvalidInputError, match=line):
        link_report_from_proto(sent(channel_pb2.LinkReport(mode=number)))


@pytest.mark.parametrize(
    ("message", "line"),
    [
        (
            channel_pb2.ChannelOptions(fec=9),
            "expected an error correction among none, repetition, ldpc, got number 9",
        ),
        (
            channel_pb2.ChannelOptions(fading=9),
            "expected a fading among none, rayleigh, rician, got number 9",
        ),
        (
            channel_pb2.ChannelOptions(head_protection=9),
            "expected a head protection among channel, ideal, got number 9",
        ),
    ],
)
def test_other_choices_that_name_nothing_are_refused(message: channel_pb2.ChannelOptions, line: str) -> None:
    with pytest.raises(InvalidInputError, match=f"^{line}$"):
        link_choice_from_proto(sent(message))


@pytest.mark.parametrize("sample", [math.nan, math.inf, -math.inf])
def test_samples_that_are_no_numbers_are_refused(sample: float) -> None:
    message = channel_pb2.ReceivedSignal(mode=1, samples=[0.5, sample], noise_variance=1.0, channel_uses=2)
    with pytest.raises(InvalidInputError, match=r"^expected finite samples, got NaN or infinity$"):
        signal_from_proto(sent(message))


@pytest.mark.parametrize("gain", [math.nan, math.inf, -0.5])
def test_gains_that_are_none_are_refused(gain: float) -> None:
    message = channel_pb2.ReceivedSignal(
        mode=1, samples=[0.5], noise_variance=1.0, channel_uses=1, gains=[gain]
    )
    with pytest.raises(InvalidInputError, match=r"^expected finite gains of 0 or more$"):
        signal_from_proto(sent(message))


@pytest.mark.parametrize("variance", [0.0, -1.0, math.nan, math.inf])
def test_a_noise_variance_that_is_none_is_refused(variance: float) -> None:
    message = channel_pb2.ReceivedSignal(mode=1, samples=[0.5], noise_variance=variance, channel_uses=1)
    with pytest.raises(InvalidInputError, match=r"^expected a noise variance above 0, got "):
        signal_from_proto(sent(message))


@pytest.mark.parametrize(("mode", "expected"), [(1, 2), (2, 4)])
def test_another_count_of_samples_than_stated_is_refused(mode: int, expected: int) -> None:
    message = channel_pb2.ReceivedSignal(mode=mode, samples=[0.5], noise_variance=1.0, channel_uses=2)
    with pytest.raises(InvalidInputError, match=f"^expected {expected} samples, got 1$"):
        signal_from_proto(sent(message))


def test_a_choice_that_is_left_out_is_absent_and_zero_is_not() -> None:
    assert link_choice_to_proto(LinkChoice()).SerializeToString() == b""
    # Field 2 is the SNR, a double (wire type 1): key 0x11; field 3 the seed, a varint (0): key 0x18.
    message = link_choice_to_proto(LinkChoice(snr_db=0.0, seed=0))
    assert message.SerializeToString() == b"\x11" + bytes(8) + b"\x18\x00"
