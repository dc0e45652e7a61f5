"""The check bits of a head as evidence: exact posteriors of its labels under their common CRC.

The CRC is linear: the check bits are the exclusive or of one contribution per slot. With independent slots
the posterior of a slot needs the distribution of the exclusive or over the other slots: a convolution over
2^6 values. It is summed directly: a Walsh–Hadamard transform subtracts, which loses small probabilities.
"""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from dsc_common.packet.format import PacketFormat
from dsc_common.packet.packing import check_of
from dsc_server.kernels.choice import kernels
from dsc_server.receiving.code_posterior import index_signs


@lru_cache(maxsize=8)
def bit_syndromes(fmt: PacketFormat) -> NDArray[np.int64]:
    """(message_bits + check_bits,) int64: what each bit, if it is 1, adds to the syndrome with exclusive or.

    The syndrome is 0 if the check bits agree with the message, and 0 without check bits.
    """
    checks = 1 << np.arange(fmt.check_bits - 1, -1, -1)
    places = np.zeros(fmt.message_bits, dtype=np.int64)
    if fmt.check_bits:
        # The last bit by the CRC itself; each earlier bit is one step of the register more.
        state = check_of(np.array([1], dtype=np.uint8), fmt)
        for place in range(fmt.message_bits - 1, -1, -1):
            places[place] = int(state @ checks)
            state = _step(state, fmt)
    return _constant(np.concatenate([places, checks]))


def _step(state: NDArray[np.uint8], fmt: PacketFormat) -> NDArray[np.uint8]:
    """The register after a 0: the remainder times x."""
    shifted = np.append(state[1:], np.uint8(0))
    if not state[0]:
        return shifted
    return shifted ^ check_of(np.array([1], dtype=np.uint8), fmt)


def syndrome(bits: NDArray[np.uint8], fmt: PacketFormat) -> int:
    """(message_bits + check_bits,) bits of a head → its syndrome: 0 if its check bits agree."""
    return int(np.bitwise_xor.reduce(bits * bit_syndromes(fmt)))


@lru_cache(maxsize=8)
def syndromes(fmt: PacketFormat) -> NDArray[np.int64]:
    """(T, 2^B) int64: contribution of each B-bit label in slot t to the check bits, as a number."""
    slots = bit_syndromes(fmt)[: fmt.message_bits].reshape(fmt.head_labels, fmt.label_bits)
    numbers = np.arange(1 << fmt.label_bits)
    total = np.zeros((fmt.head_labels, numbers.size), dtype=np.int64)
    for bit in range(fmt.label_bits):
        is_set = (numbers >> (fmt.label_bits - 1 - bit)) & 1
        total ^= slots[:, bit : bit + 1] * is_set
    return _constant(total)


@lru_cache(maxsize=8)
def _places(fmt: PacketFormat) -> NDArray[np.int64]:
    """(T, K) int64: of each label's syndrome in the flattened (T, 2^c) table of all slots' syndromes."""
    rows = np.arange(fmt.head_labels)[:, None] << fmt.check_bits
    return _constant(syndromes(fmt)[:, : fmt.num_partitions] + rows)


def _constant(array: NDArray[np.int64]) -> NDArray[np.int64]:
    array.flags.writeable = False
    return array


def with_check(
    slots: NDArray[np.float64], check_llrs: NDArray[np.float64], fmt: PacketFormat
) -> NDArray[np.float64]:
    """Posteriors of labels without the check bits → posteriors with them.

    Args:
        slots: (T, K) float64, each row a distribution up to a factor.
        check_llrs: (check_bits,) float64, soft check bits.
        fmt: the packet's shape; its head codec is crc6.

    Returns:
        (T, K) float64, each row a distribution.
    """
    factors = check_factors(slots, check_llrs, fmt)
    return np.asarray(slots * factors.reshape(-1).take(_places(fmt)))


def label_factors(
    factors: NDArray[np.float64], labels: NDArray[np.int64], fmt: PacketFormat
) -> NDArray[np.float64]:
    """(T, 2^c) `check_factors` → (T, P): those of some labels."""
    return factors.reshape(-1).take(_places(fmt).take(labels, axis=1))


def check_factors(
    slots: NDArray[np.float64], check_llrs: NDArray[np.float64], fmt: PacketFormat
) -> NDArray[np.float64]:
    """What `with_check` multiplies a label by, which depends on what the label adds to the check bits.

    Arguments as for `with_check`.

    Returns:
        (T, 2^c) float64, for each slot and each number that its label may add.
    """
    evidence = 0.5 * (index_signs(fmt.check_bits) @ check_llrs)
    received = np.exp(evidence - evidence.max())
    return kernels().check_factors(np.ascontiguousarray(slots), _places(fmt), received)
