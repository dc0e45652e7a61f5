"""Forward error correction: k bits to n coded bits, and back from their log-likelihood ratios (LLRs).

Every LLR is log P(0)/P(1): positive for 0. `none` sends the bits unchanged, `repetition` repeats them
cyclically until n are sent, `ldpc` encodes them with the 5G code at rate k/n.
"""

from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from dsc_common.errors import InvalidInputError
from dsc_common.radio.ldpc import accumulate, check_ldpc_size, ldpc_decode, ldpc_encode


class Fec(StrEnum):
    """Error correction of the bits of a packet."""

    NONE = "none"
    REPETITION = "repetition"
    LDPC = "ldpc"


def encode(bits: NDArray[np.uint8], num_coded: int, fec: Fec) -> NDArray[np.uint8]:
    """Coded bits.

    Args:
        bits: (k,) uint8 of 0 and 1.
        num_coded: n ≥ k; k for `none`; for `ldpc` see `dsc_common.radio.ldpc`.
        fec: the code.

    Returns:
        (n,) uint8 of 0 and 1; with `repetition`, coded bit i is bit i mod k.

    Raises:
        InvalidInputError: bits is not (k,) uint8 of 0 and 1; n is out of range; `ldpc` without its library.
    """
    if bits.ndim != 1 or bits.dtype != np.uint8 or (bits > 1).any():
        raise InvalidInputError(
            f"expected one row of 0 and 1 as uint8, got {bits.dtype} of shape {bits.shape}"
        )
    check_size(bits.size, num_coded, fec)
    if fec is Fec.LDPC:
        return ldpc_encode(bits, num_coded)
    return bits[np.arange(num_coded) % bits.size]


def decode(llrs: NDArray[np.float64], num_bits: int, fec: Fec) -> NDArray[np.float64]:
    """LLRs of the k bits, given those of the n coded bits; positive for 0.

    With `repetition` they are exact (sums). With `ldpc` they come from 20 iterations of belief propagation,
    within ±20.

    Args:
        llrs: (n,) float64, finite; or (B, n), several blocks at once, which is faster with `ldpc`, whose
            results may then differ in the last digits (float32).
        num_bits: k.
        fec: the code.

    Returns:
        (k,) float64; (B, k) for several blocks.

    Raises:
        InvalidInputError: llrs is not of that shape, or not finite; n is out of range; `ldpc` without its
            library.
    """
    if llrs.ndim not in {1, 2} or not np.isfinite(llrs).all():
        raise InvalidInputError(f"expected one row of finite LLRs, or several, got shape {llrs.shape}")
    check_size(num_bits, llrs.shape[-1], fec)
    blocks = np.atleast_2d(llrs).astype(np.float64)
    decoded = ldpc_decode(blocks, num_bits) if fec is Fec.LDPC else accumulate(blocks, num_bits)
    return decoded.reshape(*llrs.shape[:-1], num_bits)


def check_size(num_bits: int, num_coded: int, fec: Fec) -> None:
    """Check that k bits can be sent as n coded bits; the LDPC library is not needed.

    Raises:
        InvalidInputError: k < 1 or n < k; n ≠ k for `none`; a rate or size that 5G LDPC does not have.
    """
    if num_bits < 1:
        raise InvalidInputError(f"expected at least 1 bit, got {num_bits}")
    if num_coded < num_bits:
        raise InvalidInputError(f"expected at least {num_bits} coded bits, got {num_coded}")
    if fec is Fec.NONE and num_coded != num_bits:
        raise InvalidInputError(f"expected {num_bits} coded bits without error correction, got {num_coded}")
    if fec is Fec.LDPC:
        check_ldpc_size(num_bits, num_coded)
