"""Receivers that decide on a head and then take it as given: `hard` (the paper), `list` and `soft`."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from dsc_common.packet import PacketFormat, Payload
from dsc_server.receiving.estimates import (
    CodeEstimates,
    Estimate,
    confidence_of,
    feature_estimate,
    fuse_estimates,
)
from dsc_server.receiving.head_list import read_head_by_list, read_head_hard
from dsc_server.receiving.reading import HeadReading, Observation, Reading
from dsc_server.semantic_index import SemanticIndex


def read_hard(index: SemanticIndex, observation: Observation) -> Reading:
    """Every bit by its sign: the paper."""
    return _read(index, observation, read_head_hard(_head(index, observation), index.format), soft=False)


def read_list(index: SemanticIndex, observation: Observation) -> Reading:
    """The head by the least reliable bits until the check bits agree; codes by the sign of their bits."""
    return _read(index, observation, read_head_by_list(_head(index, observation), index.format), soft=False)


def read_soft(index: SemanticIndex, observation: Observation) -> Reading:
    """The head by the sign of its bits; each code by its posterior over codewords."""
    return _read(index, observation, read_head_hard(_head(index, observation), index.format), soft=True)


def candidate_slots(labels: NDArray[np.int64], num_labels: int) -> list[int]:
    """Slots t of the head whose partition is to be read: labels that exist, each once (its first slot)."""
    seen: set[int] = set()
    slots = []
    for slot, label in enumerate(labels.tolist()):
        if 0 <= label < num_labels and label not in seen:
            seen.add(label)
            slots.append(slot)
    return slots


def _head(index: SemanticIndex, observation: Observation) -> NDArray[np.float64]:
    return observation.llrs[: 8 * index.format.head_bytes]


def _read(index: SemanticIndex, observation: Observation, head: HeadReading, *, soft: bool) -> Reading:
    fmt = index.format
    slots = candidate_slots(head.labels, fmt.num_labels)
    labels = head.labels[slots]
    residuals = np.zeros((0, 0), dtype=np.float32)
    if fmt.payload is Payload.FEATURE:
        q = feature_estimate(observation, fmt)
        confidence = 1.0
    else:
        codes = CodeEstimates(index.codebook, fmt, observation.llrs, soft=soft)
        one = fmt.payload is Payload.CODE
        pairs = [(0, 0)] if one else list(zip(slots, labels.tolist(), strict=True))
        estimates = [codes.of(slot, label) for slot, label in pairs]
        if one:
            q, square = estimates[0].vector, estimates[0].square
        else:
            q, square = _fused_or_nothing(estimates, index)
            if estimates:
                residuals = np.stack([estimate.mean for estimate in estimates])
        confidence = confidence_of(q, square)
    weights = np.ones(len(labels), dtype=np.float32)
    trust = float(_is_trusted(head, fmt))
    return Reading(head, labels, weights, residuals, q, trust, confidence if soft else trust)


def _fused_or_nothing(
    estimates: Sequence[Estimate], index: SemanticIndex
) -> tuple[NDArray[np.float32], float]:
    if not estimates:
        return np.zeros(index.codebook.feature_dim, dtype=np.float32), 0.0
    return fuse_estimates(estimates, [1.0] * len(estimates))


def _is_trusted(head: HeadReading, fmt: PacketFormat) -> bool:
    return head.check_ok and len(candidate_slots(head.labels, fmt.num_labels)) == fmt.head_labels
