"""Modulation: bits to channel symbols and back. BPSK sends 0 as +1 and 1 as -1, one bit per real use."""

from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from dsc_common.bits import bits_from_bytes, bytes_from_bits


class Mode(StrEnum):
    """How a packet goes on the air."""

    BPSK = "bpsk"


def bpsk_modulate(data: bytes) -> NDArray[np.float64]:
    """N bytes → (8 n,) float64 amplitudes of unit power."""
    return 1.0 - 2.0 * bits_from_bytes(data).astype(np.float64)


def bpsk_demodulate(samples: NDArray[np.floating]) -> bytes:
    """(8 n,) received amplitudes → n bytes, each bit decided by the sign; 0 counts as +1."""
    return bytes_from_bits((samples < 0).astype(np.uint8))
