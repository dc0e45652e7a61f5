"""Sets of labels as numbers (combinatorial number system), for heads whose order carries no information.

The set c_1 < … < c_T of labels below K has the number Σ_i C(c_i, i) (i from 1); each number from 0 to
C(K, T) - 1 belongs to exactly one set.
"""

from collections.abc import Sequence
from math import comb

from dsc_common.errors import InvalidInputError


def set_to_number(labels: Sequence[int]) -> int:
    """T different labels, in any order → the number of their set."""
    return sum(comb(label, place) for place, label in enumerate(sorted(labels), start=1))


def number_to_set(number: int, num_labels: int, head_labels: int) -> list[int]:
    """The number of a set → its T labels, ascending; the inverse of `set_to_number`.

    Args:
        number: from 0 to C(K, T) - 1.
        num_labels: K.
        head_labels: T.

    Raises:
        InvalidInputError: no set has this number.
    """
    if not 0 <= number < comb(num_labels, head_labels):
        raise InvalidInputError(
            f"expected the number of a set, below {comb(num_labels, head_labels)}, got {number}"
        )
    labels = []
    high = num_labels
    for place in range(head_labels, 0, -1):
        low = place - 1
        while high - low > 1:  # the largest label with C(label, place) ≤ number
            middle = (low + high) // 2
            low, high = (middle, high) if comb(middle, place) <= number else (low, middle)
        labels.append(low)
        number -= comb(low, place)
        high = low
    return labels[::-1]


def set_bits(num_labels: int, head_labels: int) -> int:
    """Bits of a set's number: ⌈log2 C(K, T)⌉; 43 for K = 1000 and T = 5."""
    return (comb(num_labels, head_labels) - 1).bit_length()
