"""The check bits of a head as evidence: exact posteriors of its labels under their common CRC.

The CRC is linear: the check bits are the exclusive or of one contribution per slot. With independent slots
the posterior of a slot needs the distribution of the exclusive or over the other slots: a convolution over
2^6 values. It is summed directly: a Walsh–Hadamard transform subtracts, which loses small probabilities.
"""

from functools import lru_cache
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray

from dsc_common.packet.format import PacketFormat
from dsc_common.packet.packing import check_of
from dsc_server.receiving.code_posterior import index_signs


@lru_cache(maxsize=8)
def syndromes(fmt: PacketFormat) -> NDArray[np.int64]:
    """(T, 2^B) int64: contribution of each B-bit label in slot t to the check bits, as a number."""
    weights = 1 << np.arange(fmt.check_bits - 1, -1, -1)
    places = np.zeros(fmt.message_bits, dtype=np.int64)
    state = check_of(np.array([1], dtype=np.uint8), fmt)  # of the last bit; each earlier bit is one step more
    for place in range(fmt.message_bits - 1, -1, -1):
        places[place] = int(state @ weights)
        state = _step(state, fmt)
    slots = places.reshape(fmt.head_labels, fmt.label_bits)
    numbers = np.arange(1 << fmt.label_bits)
    total = np.zeros((fmt.head_labels, numbers.size), dtype=np.int64)
    for bit in range(fmt.label_bits):
        is_set = (numbers >> (fmt.label_bits - 1 - bit)) & 1
        total ^= slots[:, bit : bit + 1] * is_set
    return total


def _step(state: NDArray[np.uint8], fmt: PacketFormat) -> NDArray[np.uint8]:
    """The register after a 0: the remainder times x."""
    shifted = np.append(state[1:], np.uint8(0))
    if not state[0]:
        return shifted
    return shifted ^ check_of(np.array([1], dtype=np.uint8), fmt)


def with_check(
    slots: NDArray[np.float64], check_llrs: NDArray[np.float64], fmt: PacketFormat
) -> NDArray[np.float64]:
    """Posteriors of labels without the check bits → posteriors with them.

    Args:
        slots: (T, K) float64, each row a distribution.
        check_llrs: (check_bits,) float64, soft check bits.
        fmt: the packet's shape; its head codec is crc6.

    Returns:
        (T, K) float64.
    """
    size = 1 << fmt.check_bits
    table = syndromes(fmt)[:, : slots.shape[1]]
    exclusive_or = np.arange(size)[:, None] ^ np.arange(size)
    added = [np.bincount(row, weights, size)[exclusive_or] for row, weights in zip(table, slots, strict=True)]
    evidence = 0.5 * (index_signs(fmt.check_bits) @ check_llrs)
    received = np.exp(evidence - evidence.max())
    zero = np.eye(1, size)[0]
    earlier = list(accumulate(added[:-1], lambda total, slot: slot @ total, initial=received))
    later = list(accumulate(added[:0:-1], lambda total, slot: slot @ total, initial=zero))[::-1]
    needed = np.stack([a[exclusive_or] @ b for a, b in zip(earlier, later, strict=True)])  # of each slot
    joint = slots * np.take_along_axis(needed, table, axis=1)
    totals = joint.sum(axis=1, keepdims=True)
    return np.where(totals > 0, joint / np.maximum(totals, 1e-300), slots)
