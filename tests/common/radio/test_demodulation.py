"""From received signals to bits and features: combining, genies, analog modes, and what is refused."""

import math
import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsc_channel.transmission import transmit
from dsc_common.errors import InvalidInputError
from dsc_common.packet.bits import bits_from_bytes
from dsc_common.packet.format import PacketFormat, Payload
from dsc_common.packet.packing import Packet, pack
from dsc_common.radio.constellation import LLR_LIMIT
from dsc_common.radio.demodulation import received_feature, soft_bits
from dsc_common.radio.fec import Fec
from dsc_common.radio.framing import frame_of
from dsc_common.radio.link import MAX_NOISE_VARIANCE, Fading, HeadProtection, LinkSettings, ReceivedSignal
from dsc_common.radio.modes import SPECS, Mode
from dsc_server.receiving.reconstruction_noise import add_feature_noise
from helpers.decisions import hard_bytes

FMT = PacketFormat()
RAW = PacketFormat(payload=Payload.FEATURE, payload_dim=300)
HEAD_BITS = 8 * RAW.head_bytes
DIGITAL = [mode for mode in Mode if SPECS[mode].physical and not SPECS[mode].sends_feature]
FEATURE_MODES = [Mode.ANALOG, Mode.ANALOG_PCA, Mode.HYBRID]


def raw_packet(seed: int = 0) -> tuple[bytes, np.ndarray[Any, np.dtype[np.float32]]]:
    feature = np.random.default_rng(seed).standard_normal(300).astype(np.float32)
    empty = np.zeros((0, 8), dtype=np.uint8)
    return pack(Packet(np.array([7, 999, 3, 0, 512]), empty, feature), RAW), feature / np.linalg.norm(feature)


@pytest.mark.parametrize("mode", DIGITAL)
@given(data=st.binary(min_size=47, max_size=47), attempts=st.integers(1, 3))
def test_without_noise_every_mode_is_transparent(mode: Mode, data: bytes, attempts: int) -> None:
    link = LinkSettings(mode, math.inf, fading=Fading.RICIAN, fading_block_uses=9)
    signals = [transmit(data, FMT, link, "r", attempt) for attempt in range(attempts)]
    assert hard_bytes(signals, FMT) == data
    assert (np.abs(soft_bits(signals, FMT)) == LLR_LIMIT).all()


@pytest.mark.parametrize("fec", [Fec.NONE, Fec.REPETITION])
@pytest.mark.parametrize("fading", [Fading.NONE, Fading.RAYLEIGH])
def test_bpsk_adds_up_its_ratios(fec: Fec, fading: Fading) -> None:
    link = LinkSettings(snr_db=-3.0, fec=fec, uses=0 if fec is Fec.NONE else 900, fading=fading)
    signals = [transmit(bytes(range(47)), FMT, link, "r", attempt) for attempt in range(3)]
    together = soft_bits(signals, FMT)
    alone = sum(soft_bits([signal], FMT) for signal in signals)
    np.testing.assert_allclose(together, np.clip(alone, -LLR_LIMIT, LLR_LIMIT), rtol=1e-9)


def test_a_weak_transmission_counts_for_less() -> None:
    data = bytes(range(47))
    good = transmit(data, FMT, LinkSettings(Mode.QAM16, 20.0), "good")
    bad = transmit(data, FMT, LinkSettings(Mode.QAM16, -20.0), "bad")
    assert hard_bytes([good, bad], FMT) == data
    assert hard_bytes([bad], FMT) != data


@pytest.mark.parametrize("mode", [Mode.BPSK, Mode.QAM64, Mode.HYBRID, Mode.ANALOG])
def test_a_genie_hands_over_the_head(mode: Mode) -> None:
    fmt, data = (RAW, raw_packet()[0]) if SPECS[mode].sends_feature else (FMT, bytes(range(47)))
    link = LinkSettings(mode, -15.0, head_protection=HeadProtection.IDEAL)
    signal = transmit(data, fmt, link, "r")
    head = bits_from_bytes(data[: fmt.head_bytes])
    llrs = soft_bits([signal], fmt)
    assert (llrs[: head.size] == LLR_LIMIT * (1.0 - 2.0 * head)).all()
    plain = transmit(data, fmt, replace(link, head_protection=HeadProtection.CHANNEL), "r")
    assert plain.samples.tobytes() == signal.samples.tobytes()  # the radio is the same
    assert (soft_bits([plain], fmt)[head.size :] == llrs[head.size :]).all()


@pytest.mark.parametrize("mode", FEATURE_MODES)
@pytest.mark.parametrize("knows", [True, False])
def test_a_feature_arrives_as_it_was_without_noise(mode: Mode, knows: bool) -> None:
    data, unit = raw_packet()
    link = LinkSettings(mode, math.inf, fading=Fading.RAYLEIGH, channel_knowledge=knows)
    signals = [transmit(data, RAW, link, "r")]
    received = received_feature(signals, RAW)
    assert received.dtype == np.float32
    if not knows:  # a block is taken as it is: its length is the gain
        received /= np.linalg.norm(received)
    np.testing.assert_allclose(received, unit, atol=1e-6)
    assert soft_bits(signals, RAW).size == HEAD_BITS
    assert hard_bytes(signals, RAW)[: RAW.head_bytes] == data[: RAW.head_bytes]
    assert len(hard_bytes(signals, RAW)) == RAW.packet_bytes


def test_unequal_gains_are_undone_where_they_are_known() -> None:
    data, unit = raw_packet()
    link = LinkSettings(Mode.ANALOG, 60.0, fading=Fading.RAYLEIGH, fading_block_uses=10)
    known = received_feature([transmit(data, RAW, link, "r")], RAW)
    blind = received_feature([transmit(data, RAW, replace(link, channel_knowledge=False), "r")], RAW)
    assert known @ unit > 0.999
    assert 0.5 < blind @ unit / np.linalg.norm(blind) < 0.99


def test_the_cosine_over_noise_is_that_of_unit_power_and_its_noise() -> None:
    # ⟨y, x⟩ / ‖y‖ ‖x‖ → √(SNR / (1 + SNR)) for many numbers; n transmissions have n times the SNR.
    # The estimate is a posterior mean, and its length is that cosine.
    fmt = PacketFormat(num_partitions=1, head_labels=1, payload=Payload.FEATURE, payload_dim=60_000)
    feature = np.random.default_rng(0).standard_normal(60_000).astype(np.float32)
    data = feature.tobytes()
    signals = [transmit(data, fmt, LinkSettings(Mode.ANALOG, 3.0), "r", attempt) for attempt in range(4)]
    for count in (1, 2, 4):
        snr = count * 10**0.3
        estimate = received_feature(signals[:count], fmt)
        length = float(np.linalg.norm(estimate))
        cosine = float(estimate @ feature / np.linalg.norm(feature)) / length
        assert cosine == pytest.approx(math.sqrt(snr / (1 + snr)), abs=0.005)
        assert length == pytest.approx(cosine, abs=0.005)


def test_hybrid_repeats_the_head_in_what_the_feature_leaves() -> None:
    data, _ = raw_packet()
    signal = transmit(data, RAW, LinkSettings(Mode.HYBRID, math.inf), "r")
    assert signal.uses == 376
    head = 1.0 - 2.0 * bits_from_bytes(data[: RAW.head_bytes])
    assert signal.samples[:76].tolist() == [*head, *head[:20]]
    assert frame_of(RAW, Mode.HYBRID, uses=356).symbols == 56
    assert frame_of(RAW, Mode.HYBRID, uses=1000).symbols == 700


def test_reconstruction_hands_over_the_bits_and_keys_the_noise() -> None:
    data = bytes(range(47))
    link = LinkSettings(Mode.RECONSTRUCTION, 3.0, seed=4)
    signals = [transmit(data, FMT, link, "r", attempt) for attempt in range(4)]
    assert (signals[0].uses, signals[0].noise_variance) == (0, pytest.approx(10**-0.3))
    assert hard_bytes(signals, FMT) == data
    assert len({signal.noise_key for signal in signals}) == 4
    feature = np.random.default_rng(1).standard_normal(50_000).astype(np.float32) * 7
    power = float(np.mean(feature**2))
    for count in (1, 4):
        noise = add_feature_noise(signals[:count], feature) - feature
        expected = power * 10**-0.3 / count
        assert abs(noise.var() - expected) < 4 * expected * math.sqrt(2 / noise.size)
    again = add_feature_noise([transmit(data, FMT, link, "r")], feature)
    assert again.tobytes() == add_feature_noise(signals[:1], feature).tobytes()


@pytest.mark.parametrize("variance", [5e-324, 1e-300, MAX_NOISE_VARIANCE])
def test_reconstruction_noise_is_finite_with_any_variance(variance: float) -> None:
    signal = ReceivedSignal(Mode.RECONSTRUCTION, np.zeros(0, dtype=np.float32), variance, noise_key="r")
    noisy = add_feature_noise([signal, signal], np.ones(40, dtype=np.float32))
    assert np.isfinite(noisy).all()
    assert np.allclose(noisy, 1.0, atol=1e-5) == (variance < 1)


def plain(mode: Mode = Mode.BPSK, samples: int = 376, **changes: Any) -> ReceivedSignal:
    return ReceivedSignal(mode, np.ones(samples, dtype=np.float32), 1.0, **changes)


def gains(count: int) -> np.ndarray[Any, np.dtype[np.float32]]:
    return np.ones(count, dtype=np.float32)


@pytest.mark.parametrize(
    ("signals", "line"),
    [
        ([], "expected 1 to 65 received signals, got 0"),
        ([plain()] * 66, "expected 1 to 65 received signals, got 66"),
        ([plain(samples=375)], "expected 376 samples for a packet of 47 bytes with bpsk, got 375"),
        ([plain(Mode.QPSK, 374)], "expected 376 samples for a packet of 47 bytes with qpsk, got 374"),
        ([plain(Mode.QAM64, 124)], "expected 126 samples for a packet of 47 bytes with qam64, got 124"),
        ([plain(Mode.PAM256, 48)], "expected 47 samples for a packet of 47 bytes with pam256, got 48"),
        (
            [plain(samples=300, fec=Fec.REPETITION)],
            "expected at least 376 uses for a packet of 47 bytes with bpsk, got 300",
        ),
        ([plain(samples=5000, fec=Fec.REPETITION)], "expected up to 4096 uses, got 5000"),
        ([plain(Mode.PAM256, 47, fec=Fec.LDPC)], "expected error correction none with mode pam256, got ldpc"),
        (
            [plain(Mode.ANALOG, 356)],
            "mode analog sends the feature uncoded: expected a packet with payload feature, as those of the "
            "schemes exhaustive and dsc-raw, got codes",
        ),
        ([plain(), plain(Mode.QPSK)], "expected received signals of one packet, got different ones"),
        (
            [plain(samples=400, fec=Fec.REPETITION), plain(samples=500, fec=Fec.REPETITION)],
            "expected received signals of one packet, got different ones",
        ),
        ([plain(), plain(genie=bytes(7))], "expected received signals of one packet, got different ones"),
        ([plain(genie=bytes(6))], "expected 7 bytes beside the radio, got 6"),
        ([plain(Mode.RECONSTRUCTION, 0)], "expected 47 bytes beside the radio, got 0"),
        ([plain(gains=gains(2))], "expected 1 gains, got 2"),
        ([plain(gains=gains(3), fading_block_uses=100)], "expected 4 gains, got 3"),
        ([plain(gains=gains(1), estimate_gains=True)], "expected 0 gains, got 1"),
    ],
)
def test_what_is_no_signal_of_a_packet_is_refused(signals: list[ReceivedSignal], line: str) -> None:
    with pytest.raises(InvalidInputError, match=f"^{re.escape(line)}$"):
        soft_bits(signals, FMT)


def test_a_mode_without_feature_has_none() -> None:
    with pytest.raises(
        InvalidInputError, match=r"^expected a mode that sends the feature uncoded, got bpsk$"
    ):
        received_feature([plain()], FMT)


def test_a_block_longer_than_all_is_one_block() -> None:
    huge = plain(gains=gains(1), fading_block_uses=2**32 - 1)
    assert soft_bits([huge], FMT).size == 376


def test_a_dead_channel_says_nothing() -> None:
    dead = plain(gains=np.zeros(1, dtype=np.float32))
    assert (soft_bits([dead], FMT) == 0).all()
    assert hard_bytes([dead], FMT) == bytes(47)


@pytest.mark.parametrize(
    ("fmt", "link", "line"),
    [
        (
            FMT,
            LinkSettings(uses=375),
            "expected at least 376 uses for a packet of 47 bytes with bpsk, got 375",
        ),
        (
            FMT,
            LinkSettings(Mode.QAM64, uses=64),
            "expected 63 uses for a packet of 47 bytes with qam64 without error correction, got 64",
        ),
        (
            RAW,
            LinkSettings(Mode.HYBRID, uses=355),
            "expected at least 356 uses for a packet of 1207 bytes with hybrid, got 355",
        ),
        (
            replace(RAW, num_partitions=1, head_labels=1),
            LinkSettings(Mode.HYBRID),
            "expected a packet with a head for mode hybrid, got none",
        ),
        (
            RAW,
            LinkSettings(Mode.ANALOG, fec=Fec.REPETITION, uses=1000),
            "expected error correction none with mode analog, got repetition",
        ),
    ],
)
def test_what_does_not_fit_is_not_sent(fmt: PacketFormat, link: LinkSettings, line: str) -> None:
    with pytest.raises(InvalidInputError, match=f"^{re.escape(line)}$"):
        transmit(bytes(fmt.packet_bytes), fmt, link, "r")


def test_a_feature_that_is_no_number_is_not_sent() -> None:
    data = raw_packet()[0][:-4] + np.array([np.nan], dtype="<f4").tobytes()
    with pytest.raises(
        InvalidInputError, match=r"^expected a feature of finite numbers, got NaN or infinity$"
    ):
        transmit(data, RAW, LinkSettings(Mode.ANALOG), "r")


def test_ldpc_in_the_uses_that_there_are() -> None:
    pytest.importorskip("sionna.phy.fec")
    data = bytes(range(47))
    for mode, uses, snr_db in ((Mode.BPSK, 2055, -3.0), (Mode.QAM16, 200, 8.0), (Mode.QAM64, 126, 12.0)):
        link = LinkSettings(mode, snr_db, fec=Fec.LDPC, uses=uses)
        signal = transmit(data, FMT, link, "r")
        assert signal.uses == uses
        assert hard_bytes([signal], FMT) == data
