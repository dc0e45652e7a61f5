"""List decoding of the head: the least reliable bits are flipped until the check bits agree (Chase 1972)."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dsc_common.errors import InvalidInputError
from dsc_common.packet.format import HeadCodec, PacketFormat
from dsc_common.packet.packing import labels_from_message, require_head
from dsc_common.spans import span
from dsc_server.receiving.decoded_packet import DecodedHead
from dsc_server.receiving.head_check import bit_syndromes, syndrome

UNRELIABLE_BITS = 14


@dataclass(frozen=True, eq=False)
class HeadCandidate:
    """A head whose check bits agree.

    Attributes:
        labels: (T,) int64, the head.
        cost: Σ |LLR| of the flipped bits: the negative log-likelihood, relative to the hard decision.
        corrected: number of message bits among the flipped bits.
    """

    labels: NDArray[np.int64]
    cost: float
    corrected: int


def head_candidates(llrs: NDArray[np.float64], fmt: PacketFormat) -> Iterator[HeadCandidate]:
    """Possible heads whose check bits agree, most likely first.

    All patterns over the `UNRELIABLE_BITS` least reliable bits are tried.

    Args:
        llrs: (8 · head_bytes,) soft bits; the padding at the end is ignored.
        fmt: the packet's shape.
    """
    llrs = llrs[: fmt.message_bits + fmt.check_bits]
    hard = (llrs < 0).astype(np.uint8)
    weak = np.argsort(np.abs(llrs), kind="stable")[:UNRELIABLE_BITS]
    agreeing = np.flatnonzero(_pattern_syndromes(weak, fmt) == syndrome(hard, fmt))
    flipped = ((agreeing[:, None] >> np.arange(weak.size)) & 1).astype(bool)
    costs = flipped @ np.abs(llrs[weak])
    for row in np.argsort(costs, kind="stable").tolist():
        bits = hard.copy()
        changed = weak[flipped[row]]
        bits[changed] ^= 1
        labels = labels_from_message(bits[: fmt.message_bits], fmt)
        if _is_head(labels, fmt):
            yield HeadCandidate(labels, float(costs[row]), int((changed < fmt.message_bits).sum()))


@span("head")
def read_head_hard(llrs: NDArray[np.float64], fmt: PacketFormat) -> DecodedHead:
    """(8 · head_bytes,) soft bits → head with hard decisions; check bits and padding only detect errors."""
    bits = (llrs < 0).astype(np.uint8)
    end = fmt.message_bits + fmt.check_bits
    labels = labels_from_message(bits[: fmt.message_bits], fmt)
    is_set = fmt.head_codec is not HeadCodec.SET or bool((labels < fmt.num_partitions).all())
    return DecodedHead(labels, syndrome(bits[:end], fmt) == 0 and is_set and not bits[end:].any())


@span("head")
def read_head_by_list(llrs: NDArray[np.float64], fmt: PacketFormat) -> DecodedHead:
    """The most likely head whose check bits agree; the hard decision if no pattern makes them agree."""
    hard = read_head_hard(llrs, fmt)
    if not fmt.check_bits or (hard.trusted and _is_head(hard.labels, fmt)):
        return hard
    for candidate in head_candidates(llrs, fmt):
        return DecodedHead(candidate.labels, True, candidate.corrected)
    return hard


def _is_head(labels: NDArray[np.int64], fmt: PacketFormat) -> bool:
    try:
        require_head(labels, fmt)
    except InvalidInputError:
        return False
    return True


def _pattern_syndromes(weak: NDArray[np.int64], fmt: PacketFormat) -> NDArray[np.int64]:
    """(2^w,) int64: the change of the syndrome, which is linear, for each pattern of flipped bits."""
    changes = np.zeros(1, dtype=np.int64)
    for change in bit_syndromes(fmt)[weak].tolist():
        changes = np.concatenate([changes, changes ^ change])
    return changes
