"""Forward error correction: packet bits to as many coded bits as there is room for, and back.

`repetition` sends the bits again and again, from the first; the receiver adds what it hears of each.
"""

from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from dsc_common.errors import InvalidInputError


class Fec(StrEnum):
    """How bits are protected when there are more channel uses than they need."""

    NONE = "none"
    REPETITION = "repetition"
    LDPC = "ldpc"


def encode(bits: NDArray[np.uint8], num_coded: int, fec: Fec) -> NDArray[np.uint8]:
    """(k,) bits → (num_coded,) uint8."""
    _require(bits.size, num_coded, fec)
    return np.resize(bits, num_coded)


def decode(llrs: NDArray[np.float64], num_bits: int, fec: Fec) -> NDArray[np.float64]:
    """(num_coded,) log-likelihood ratios → (num_bits,) float64."""
    _require(num_bits, llrs.size, fec)
    places = np.arange(llrs.size) % max(num_bits, 1)
    totals = np.zeros(num_bits)
    np.add.at(totals, places, llrs)
    return totals


def _require(num_bits: int, num_coded: int, fec: Fec) -> None:
    if num_coded < num_bits:
        raise InvalidInputError(f"expected at least {num_bits} coded bits, got {num_coded}")
    if fec is Fec.LDPC:
        raise InvalidInputError("expected error correction none or repetition, got ldpc")
    if fec is Fec.NONE and num_coded != num_bits:
        raise InvalidInputError(f"expected {num_bits} coded bits without error correction, got {num_coded}")
