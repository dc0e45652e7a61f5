"""Packets of two machines, and why they differ: how near the two choices lay to each other."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dsc_common.codebook.codebook import Codebook, split
from dsc_common.features.extraction import Extraction
from dsc_common.packet.format import PacketFormat, Payload
from dsc_common.packet.packing import unpack


@dataclass(frozen=True)
class Difference:
    """A number of the packet that the machines chose differently.

    Attributes:
        place: "label t" of the head, or "code t, sub-vector m".
        here: the choice of this machine.
        there: that of the other.
        gap: how much worse the other choice is, by this machine's feature: of the probability, or of the
            squared distance, relative to this machine's choice.
    """

    place: str
    here: int
    there: int
    gap: float


def differences(
    extraction: Extraction, codebook: Codebook, fmt: PacketFormat, here: bytes, there: bytes
) -> list[Difference]:
    """What differs between the packets of one photo; where labels do, codes belong to other partitions.

    Args:
        extraction: of this machine.
        codebook: that encoded both.
        fmt: of the packets.
        here: packet of this machine.
        there: packet of the other.
    """
    ours, theirs = unpack(here, fmt), unpack(there, fmt)
    found = [
        Difference(f"label {t}", a, b, _probability_gap(extraction.probabilities, a, b))
        for t, (a, b) in enumerate(zip(ours.labels.tolist(), theirs.labels.tolist(), strict=True))
        if a != b
    ]
    if found:
        return found
    q = codebook.transformed(extraction.feature[None])[0]
    for t, m in np.argwhere(ours.codes != theirs.codes).tolist():
        partition = int(ours.labels[t]) if fmt.payload is Payload.CODES else 0
        a, b = int(ours.codes[t, m]), int(theirs.codes[t, m])
        residual = split(q - codebook.codewords[partition], fmt.num_subvectors)[m]
        words = codebook.subcodebooks(partition)[:, m]
        found.append(Difference(f"code {t}, sub-vector {m}", a, b, _distance_gap(residual, words, a, b)))
    return found


def _probability_gap(probabilities: NDArray[np.float32], here: int, there: int) -> float:
    first, second = (float(probabilities[label]) for label in (here, there))
    return (first - second) / first


def _distance_gap(residual: NDArray[np.float32], words: NDArray[np.float32], here: int, there: int) -> float:
    first, second = (
        float(np.square(residual.astype(np.float64) - words[word]).sum()) for word in (here, there)
    )
    return (second - first) / first if first else second
