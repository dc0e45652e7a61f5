"""A packet → transmitted amplitudes: symbols of its bits, then uncoded numbers of its feature."""

import numpy as np
from numpy.typing import NDArray

from dsc_common.errors import InvalidInputError
from dsc_common.packet.bits import bits_from_bytes
from dsc_common.packet.format import PacketFormat
from dsc_common.packet.packing import require_length, unpack
from dsc_common.radio.constellation import constellation_of, map_bits
from dsc_common.radio.fec import Fec, encode
from dsc_common.radio.framing import Frame, frame_of
from dsc_common.radio.link import LinkSettings
from dsc_common.radio.modes import SPECS, Mode


def modulate(data: bytes, fmt: PacketFormat, link: LinkSettings) -> NDArray[np.float64]:
    """Packet → amplitudes.

    Args:
        data: packet_bytes bytes.
        fmt: their shape.
        link: mode, error correction and uses.

    Returns:
        (uses,) float64; (2 · uses,) for complex uses, I and Q in turn. Empty for mode `reconstruction`.

    Raises:
        InvalidInputError: a packet of the wrong length, or one that does not fit mode and uses.
    """
    require_length(data, fmt)
    frame = frame_of(fmt, link.mode, link.fec, link.uses)
    symbols = _symbols(bits_from_bytes(data)[: frame.bits], link.mode, frame)
    if not frame.numbers:
        return symbols
    return np.concatenate([symbols, _unit_power(unpack(data, fmt).feature)])


def _symbols(bits: NDArray[np.uint8], mode: Mode, frame: Frame) -> NDArray[np.float64]:
    if not frame.symbols:
        return np.zeros(0)
    coded = bits if frame.fec is Fec.NONE else encode(bits, frame.coded_bits, frame.fec)
    room = frame.symbols * SPECS[mode].bits_per_use
    return map_bits(np.pad(coded, (0, room - coded.size)), constellation_of(mode))


def _unit_power(feature: NDArray[np.float32]) -> NDArray[np.float64]:
    """(D,) f √D / ‖f‖: only the direction is sent. Zeros stay zeros."""
    if not np.isfinite(feature).all():
        raise InvalidInputError("expected a feature of finite numbers, got NaN or infinity")
    f = feature.astype(np.float64)
    norm = float(np.linalg.norm(f))
    return np.sqrt(f.size) * f / norm if norm > 0 else f
