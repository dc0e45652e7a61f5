"""Choice of partitions to read: those that the head names or may name, and those near the estimate of q."""

import numpy as np
from numpy.typing import NDArray

from dsc_common.spans import span
from dsc_server.index.search_limits import SearchLimits
from dsc_server.index.summary import DatabaseSummary
from dsc_server.receiving.decoded_packet import DecodedHead


@span("partitions")
def inclusion(posterior: NDArray[np.float64]) -> NDArray[np.float64]:
    """(T, K) → (K,): the probability of each label that at least one slot carries it."""
    return np.asarray(-np.expm1(np.log1p(-np.minimum(posterior, 1 - 1e-12)).sum(axis=0)))


@span("partitions")
def likely_partitions(
    summary: DatabaseSummary, head: DecodedHead, included: NDArray[np.float64], limits: SearchLimits
) -> NDArray[np.int64]:
    """Partitions that are not empty and that the head names or may name.

    The partitions of decided labels with a probability above ½ come first, in the head's order; then all
    others, most probable first.
    """
    sizes, model = summary.list_sizes, summary.receiver_model
    weights = np.where((sizes > 0) & (included >= model.least_inclusion), included, 0.0)
    decided = np.zeros(weights.size)
    for slot, label in enumerate(head.labels.tolist()):
        if label < weights.size and weights[label] > 0.5:
            decided[label] = len(head.labels) - slot
    order = np.lexsort((-weights, -decided))
    covered = np.cumsum(weights[order])
    covering = int(np.searchsorted(covered, model.partition_coverage * covered[-1])) + 1
    guaranteed = summary.format.head_labels
    count = min(max(covering, 1), max(limits.max_partitions, guaranteed), int((weights > 0).sum()))
    affordable = int(np.searchsorted(np.cumsum(sizes[order]), limits.max_candidates, side="right"))
    return order[: min(count, max(affordable, guaranteed))]


@span("partitions")
def with_near(
    summary: DatabaseSummary,
    partitions: NDArray[np.int64],
    q: NDArray[np.float32],
    trust: float,
    limits: SearchLimits,
) -> NDArray[np.int64]:
    """The partitions, then those nearest to the estimate: the less the head is trusted, the more."""
    budget = limits.max_candidates
    sizes = summary.list_sizes
    near = np.argsort(-summary.label_model.similarities(q), kind="stable")
    near = near[(sizes[near] > 0) & ~np.isin(near, partitions)]
    listed = int(sizes[partitions].sum())
    total = np.cumsum(sizes[near]) + listed
    wanted = int(np.searchsorted(total, limits.min_candidates)) + 1 if listed < limits.min_candidates else 0
    doubtful = int(np.searchsorted(total, (1 - trust) * budget, side="right"))
    affordable = int(np.searchsorted(total, budget, side="right"))
    return np.concatenate([partitions, near[: min(affordable, max(summary.probes, doubtful, wanted))]])
