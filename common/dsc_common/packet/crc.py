"""Check bits of the packet head: cyclic redundancy checks of six and of thirteen bits."""

import numpy as np
from numpy.typing import NDArray

CRC6_BITS = 6
CRC13_BITS = 13
# Polynomials without their leading terms.
_CRC6_TAPS = 0b100001  # x^6 + x^5 + 1
_CRC13_TAPS = 0x1CF5  # x^13 + x^12 + x^11 + x^10 + x^7 + x^6 + x^5 + x^4 + x^2 + 1 (CRC-13-BBC)


def crc6(bits: NDArray[np.uint8]) -> int:
    """Remainder of bits(x) · x^6 divided by x^6 + x^5 + 1, initial value 0.

    Args:
        bits: (n,) uint8 of 0 and 1, most significant first.

    Returns:
        The remainder, 0..63; bit 5 is the coefficient of x^5.
    """
    return _remainder(bits, _CRC6_TAPS, CRC6_BITS)


def crc13(bits: NDArray[np.uint8]) -> int:
    """Remainder of bits(x) · x^13 divided by the CRC-13-BBC polynomial 0x1CF5 of degree 13, initial value 0.

    Arguments as for `crc6`; the remainder is 0..8191.
    """
    return _remainder(bits, _CRC13_TAPS, CRC13_BITS)


def _remainder(bits: NDArray[np.uint8], taps: int, width: int) -> int:
    register, mask = 0, (1 << width) - 1
    for bit in bits.tolist():
        feedback = (register >> (width - 1)) ^ bit
        register = (register << 1) & mask
        if feedback:
            register ^= taps
    return register
