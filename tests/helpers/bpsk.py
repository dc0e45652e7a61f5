"""BPSK by itself, as an oracle."""

import numpy as np
from numpy.typing import NDArray

from dsc_common.packet.bits import bits_from_bytes, bytes_from_bits


def bpsk_modulate(data: bytes) -> NDArray[np.float64]:
    """N bytes → (8 n,) float64 amplitudes of unit power: 0 is +1 and 1 is -1, one bit per real use."""
    return 1.0 - 2.0 * bits_from_bytes(data).astype(np.float64)


def bpsk_demodulate(samples: NDArray[np.floating]) -> bytes:
    """(8 n,) received amplitudes → n bytes, each bit decided by the sign; 0 counts as +1."""
    return bytes_from_bits((samples < 0).astype(np.uint8))
