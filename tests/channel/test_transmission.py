"""BPSK over white Gaussian noise against closed forms; keyed noise; the link report against a loop."""

import math
from functools import cache

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from dsc_channel.reporting import report
from dsc_channel.transmission import noise_variance, transmit
from dsc_common.packet.format import PacketFormat, Payload
from dsc_common.packet.packing import unpack
from dsc_common.radio.link import NOISE_VARIANCE_FLOOR, LinkSettings, ReceivedSignal
from dsc_common.radio.modes import Mode
from helpers.bpsk import bpsk_demodulate, bpsk_modulate

FMT = PacketFormat()


def bytes_format(count: int) -> PacketFormat:
    """Packets of so many bytes and no head."""
    return PacketFormat(num_partitions=1, head_labels=1, num_subvectors=count)


LONG = PacketFormat(num_partitions=1, head_labels=1, payload=Payload.FEATURE, payload_dim=25_000)
PAYLOAD = np.random.default_rng(1).bytes(100_000)
SENT = bpsk_modulate(PAYLOAD)
SNRS_DB = range(-10, 11)


def q_function(x: float) -> float:
    """P(N(0, 1) > x)."""
    return 0.5 * math.erfc(x / math.sqrt(2))


@cache
def received(snr_db: float) -> ReceivedSignal:
    return transmit(PAYLOAD, LONG, LinkSettings(snr_db=snr_db, seed=0), "BER")


def noise(snr_db: float) -> NDArray[np.float64]:
    return received(snr_db).samples.astype(np.float64) - SENT


@pytest.mark.parametrize("snr_db", SNRS_DB)
def test_bit_error_rate_is_q_of_root_snr(snr_db: int) -> None:
    probability = q_function(math.sqrt(10 ** (snr_db / 10)))
    wrong = np.count_nonzero((received(snr_db).samples < 0) != (SENT < 0))
    standard_error = math.sqrt(probability * (1 - probability) / SENT.size)
    assert abs(wrong / SENT.size - probability) < 3 * standard_error


@pytest.mark.parametrize(("snr_db", "published"), [(0, 0.16), (5, 0.038), (10, 7.8e-4)])
def test_the_closed_form_is_that_of_the_literature(snr_db: int, published: float) -> None:
    # BPSK over one real use: 0.159, 0.0377, 7.83e-4 (as Eb/N0 these are -3, 2 and 7 dB).
    assert q_function(math.sqrt(10 ** (snr_db / 10))) == pytest.approx(published, rel=0.02)


@pytest.mark.parametrize(
    ("snr_db", "variance"), [(0, 1.0), (10, 0.1), (-10, 10.0), (3.0103, 0.5), (20, 0.01)]
)
def test_the_variance_is_one_over_the_snr(snr_db: float, variance: float) -> None:
    assert noise_variance(snr_db) == pytest.approx(variance, rel=1e-5)
    assert transmit(b"x", bytes_format(1), LinkSettings(snr_db=snr_db), "").noise_variance == pytest.approx(
        variance, rel=1e-5
    )


@pytest.mark.parametrize("snr_db", [-10, 0, 10])
def test_the_noise_is_white_and_gaussian(snr_db: int) -> None:
    scaled = noise(snr_db) / math.sqrt(10 ** (-snr_db / 10))
    n = scaled.size
    assert abs(scaled.mean()) < 3 / math.sqrt(n)
    assert abs((scaled**2).mean() - 1) < 3 * math.sqrt(2 / n)
    assert abs((scaled**3).mean()) < 3 * math.sqrt(15 / n)
    assert abs((scaled**4).mean() - 3) < 3 * math.sqrt(96 / n)
    for beyond in (1.0, 2.0, 3.0):
        share = 2 * q_function(beyond)
        assert abs((abs(scaled) > beyond).mean() - share) < 3 * math.sqrt(share * (1 - share) / n)
    for lag in (1, 2, 3, 4, 8, 16, 376):
        assert abs((scaled[lag:] * scaled[:-lag]).mean()) < 3 / math.sqrt(n - lag)


def test_the_noise_has_nothing_to_do_with_what_is_sent() -> None:
    assert abs((noise(0) * SENT).mean()) < 3 / math.sqrt(SENT.size)
    link, other = LinkSettings(snr_db=0.0), bytes(len(PAYLOAD))
    again = transmit(other, LONG, link, "BER").samples.astype(np.float64) - bpsk_modulate(other)
    np.testing.assert_allclose(again, noise(0), atol=1e-5)


@given(st.binary(min_size=1, max_size=60), st.integers(0, 2**64 - 1), st.text(max_size=8))
def test_without_noise_the_channel_is_transparent(data: bytes, seed: int, request_id: str) -> None:
    signal = transmit(data, bytes_format(len(data)), LinkSettings(snr_db=math.inf, seed=seed), request_id)
    assert signal.samples.tolist() == bpsk_modulate(data).tolist()
    assert bpsk_demodulate(signal.samples) == data
    assert signal.noise_variance == NOISE_VARIANCE_FLOOR > 0


@given(st.floats(-100, 100), st.integers(0, 2**64 - 1), st.text(max_size=8))
def test_the_same_seed_and_request_give_the_same_noise(snr_db: float, seed: int, request_id: str) -> None:
    link = LinkSettings(snr_db=snr_db, seed=seed)
    first, second = (transmit(bytes(47), FMT, link, request_id).samples.tobytes() for _ in range(2))
    assert first == second


def test_other_seeds_and_requests_give_independent_noise() -> None:
    data = bytes(2000)
    signals = [
        transmit(data, bytes_format(2000), LinkSettings(snr_db=0.0, seed=seed), request_id).samples
        for seed in range(4)
        for request_id in ("a", "b", "1", "")
    ]
    correlation = np.corrcoef(signals) - np.eye(len(signals))
    assert np.abs(correlation).max() < 4.5 / math.sqrt(signals[0].size)  # 120 pairs


def test_the_snr_changes_the_size_of_the_noise_and_nothing_else() -> None:
    np.testing.assert_allclose(noise(-10), noise(10) * 10, atol=1e-5)


def test_extreme_snrs_are_still_numbers() -> None:
    for snr_db in (-100.0, 100.0):
        signal = transmit(bytes(47), FMT, LinkSettings(snr_db=snr_db), "x")
        assert np.isfinite(signal.samples).all()
    assert (signal.samples > 0).all()


def test_a_packet_takes_376_uses_and_376_of_energy() -> None:
    data, link = bytes(range(47)), LinkSettings(snr_db=5.0, seed=3)
    signal = transmit(data, FMT, link, "r")
    assert signal.mode is Mode.BPSK
    assert signal.samples.shape == (376,)
    assert signal.samples.dtype == np.float32
    link_report = report(data, FMT, link, [signal], [0])
    assert (link_report.channel_uses, link_report.energy) == (376, 376.0)
    assert (link_report.mode, link_report.snr_db, link_report.seed) == (Mode.BPSK, 5.0, 3)


@given(st.binary(min_size=47, max_size=47), st.floats(-20, 20), st.integers(0, 999), st.booleans())
def test_the_report_counts_as_a_loop_does(data: bytes, snr_db: float, seed: int, server_errs: bool) -> None:
    link = LinkSettings(snr_db=snr_db, seed=seed)
    signal = transmit(data, FMT, link, "r")
    wrong = 0
    for position, sample in enumerate(signal.samples.tolist()):
        sent = data[position // 8] >> (7 - position % 8) & 1
        wrong += sent != (1 if sample < 0 else 0)
    arrived = unpack(bpsk_demodulate(signal.samples), FMT).labels.tolist()
    head_read = [*arrived[:4], arrived[4] ^ 1] if server_errs else arrived
    link_report = report(data, FMT, link, [signal], head_read)
    assert link_report.bit_errors == wrong
    assert link_report.head_ok == (unpack(data, FMT).labels.tolist() == head_read)
    assert link_report.channel_uses == 376


def test_the_head_is_right_only_in_its_order() -> None:
    data, link = bytes(47), LinkSettings(snr_db=math.inf)
    signal = transmit(data, FMT, link, "")
    assert report(data, FMT, link, [signal], [0, 0, 0, 0, 0]).head_ok
    for head in ([0, 0, 0, 0, 1], [1, 0, 0, 0, 0], [0, 0, 0, 0], []):
        assert not report(data, FMT, link, [signal], head).head_ok
