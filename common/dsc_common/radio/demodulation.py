"""Received signals of one packet → log-likelihood ratios of its bits, and the feature of analog modes.

All transmissions of a packet are combined symbol by symbol with maximum ratio combining: y_a = g_a x + n_a
becomes z = Σ g_a y_a / σ_a² and G = Σ g_a² / σ_a², a sufficient statistic of x. For BPSK this equals the sum
of the LLRs; for larger constellations it is better, since the bits of a symbol are dependent.
"""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from dsc_common.errors import InvalidInputError
from dsc_common.packet.bits import bits_from_bytes
from dsc_common.packet.format import PacketFormat
from dsc_common.radio.constellation import LLR_LIMIT, constellation_of, demap
from dsc_common.radio.fec import Fec, decode
from dsc_common.radio.framing import Frame, frame_of
from dsc_common.radio.gains import estimated_gains, known_gains
from dsc_common.radio.link import MAX_RESENDS, NOISE_VARIANCE_FLOOR, ReceivedSignal
from dsc_common.radio.modes import SPECS, Mode

MAX_SIGNALS = 1 + MAX_RESENDS


def soft_bits(signals: Sequence[ReceivedSignal], fmt: PacketFormat) -> NDArray[np.float64]:
    """LLRs: log P(bit = 0) / P(bit = 1) of each bit that is sent digitally.

    Args:
        signals: one received signal per transmission of the packet.
        fmt: the packet's shape.

    Returns:
        (8 · packet_bytes,) float64 within ±LLR_LIMIT; (8 · head_bytes,) with modes that send the feature
        uncoded.

    Raises:
        InvalidInputError: no signals, signals of different packets, or signals that do not fit the shape.
    """
    frame = common_frame(signals, fmt)
    z, g = _combined(signals, frame)
    coded = _coded_llrs(z, g, signals[0].mode, frame)
    if frame.fec is Fec.NONE:
        llrs = coded
    else:
        llrs = np.clip(decode(coded, frame.bits, frame.fec), -LLR_LIMIT, LLR_LIMIT)
    if signals[0].genie:
        certain = bits_from_bytes(signals[0].genie)[: frame.bits]
        llrs[: certain.size] = LLR_LIMIT * (1.0 - 2.0 * certain)
    return llrs


def received_feature(signals: Sequence[ReceivedSignal], fmt: PacketFormat) -> NDArray[np.float32]:
    """The feature of modes that send it uncoded; only its direction is sent.

    Each number is z / (G + 1), the best linear estimate at unit power. The feature is sent with norm √D and
    returned with norm 1 without noise, shorter with noise, as a posterior mean is. A fading block whose gain
    is unknown is demodulated with gain 1.

    Returns:
        (D,) float32.

    Raises:
        InvalidInputError: as for `soft_bits`; a mode that sends no feature.
    """
    if signals and not SPECS[signals[0].mode].sends_feature:
        raise InvalidInputError(f"expected a mode that sends the feature uncoded, got {signals[0].mode}")
    frame = common_frame(signals, fmt)
    z, g = _combined(signals, frame)
    estimate = z[z.size - frame.numbers :] / (g[g.size - frame.numbers :] + 1)
    return (estimate / math.sqrt(frame.numbers)).astype(np.float32)


def require_count(signals: int) -> None:
    """Raise InvalidInputError unless a packet can have so many received signals."""
    if not 1 <= signals <= MAX_SIGNALS:
        raise InvalidInputError(f"expected 1 to {MAX_SIGNALS} received signals, got {signals}")


def common_frame(signals: Sequence[ReceivedSignal], fmt: PacketFormat) -> Frame:
    """The frame of the signals, which all must share.

    Raises:
        InvalidInputError: no signals, too many, signals of different packets, or of another shape.
    """
    require_count(len(signals))
    frames = [_frame(signal, fmt) for signal in signals]
    first = signals[0]
    for signal, frame in zip(signals, frames, strict=True):
        if (signal.mode, frame, signal.genie) != (first.mode, frames[0], first.genie):
            raise InvalidInputError("expected received signals of one packet, got different ones")
    return frames[0]


def _frame(signal: ReceivedSignal, fmt: PacketFormat) -> Frame:
    has_free_size = signal.fec is not Fec.NONE or signal.mode is Mode.HYBRID
    frame = frame_of(fmt, signal.mode, signal.fec, signal.uses if has_free_size else 0)
    samples = frame.uses * SPECS[signal.mode].samples_per_use
    if signal.samples.size != samples:
        raise InvalidInputError(
            f"expected {samples} samples for a packet of {fmt.packet_bytes} bytes with {signal.mode}, "
            f"got {signal.samples.size}"
        )
    whole = fmt.head_bytes if SPECS[signal.mode].physical else fmt.packet_bytes
    allowed = {0, whole} if SPECS[signal.mode].physical else {whole}
    if len(signal.genie) not in allowed:
        raise InvalidInputError(f"expected {whole} bytes beside the radio, got {len(signal.genie)}")
    return frame


def _combined(
    signals: Sequence[ReceivedSignal], frame: Frame
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """z, G: (samples,) float64 each, summed over the transmissions."""
    per_use = SPECS[signals[0].mode].samples_per_use
    z, g = np.zeros(frame.uses * per_use), np.zeros(frame.uses * per_use)
    for signal in signals:
        gains = np.repeat(_gains(signal, frame), per_use)
        variance = max(signal.noise_variance, NOISE_VARIANCE_FLOOR) / per_use
        z += gains * signal.samples.astype(np.float64) / variance
        g += gains**2 / variance
    return z, g


def _gains(signal: ReceivedSignal, frame: Frame) -> NDArray[np.float64]:
    """(uses,) float64."""
    gains = known_gains(signal)
    if signal.estimate_gains and frame.symbols:
        estimated = estimated_gains(signal, constellation_of(signal.mode).power)
        gains[: frame.symbols] = estimated[: frame.symbols]
    return gains


def _coded_llrs(
    z: NDArray[np.float64], g: NDArray[np.float64], mode: Mode, frame: Frame
) -> NDArray[np.float64]:
    """(coded_bits,) float64: z / √G = √G x + n with n ~ N(0, 1), demapped."""
    if not frame.symbols:
        return np.zeros(frame.coded_bits)
    constellation = constellation_of(mode)
    samples = frame.symbols * constellation.axes
    gains = np.sqrt(g[:samples])
    scaled = np.divide(z[:samples], gains, out=np.zeros(samples), where=gains > 0)
    return demap(scaled, gains, 1.0, constellation)[: frame.coded_bits]
