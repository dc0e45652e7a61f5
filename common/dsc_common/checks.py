"""Check bits of the packet head: a cyclic redundancy check of six bits."""

import numpy as np
from numpy.typing import NDArray

CRC6_BITS = 6
_CRC6_TAPS = 0b100001  # x^6 + x^5 + 1 without its leading term: x^5 and 1


def crc6(bits: NDArray[np.uint8]) -> int:
    """Remainder of bits(x) · x^6 divided by x^6 + x^5 + 1, initial value 0.

    Args:
        bits: (n,) uint8 of 0 and 1, most significant first.

    Returns:
        The remainder, 0..63; bit 5 is the coefficient of x^5.
    """
    register = 0
    for bit in bits.tolist():
        feedback = (register >> (CRC6_BITS - 1)) ^ bit
        register = (register << 1) & 0b111111
        if feedback:
            register ^= _CRC6_TAPS
    return register
