"""Choice of partitions to read: those that the head names or may name, and those near the estimate of q."""

import numpy as np
from numpy.typing import NDArray

from dsc_common.spans import span
from dsc_server.index.search_limits import SearchLimits
from dsc_server.index.summary import DatabaseSummary
from dsc_server.kernels.best_first import all_best_first, best_first
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
    possible = np.flatnonzero((included >= model.least_inclusion) & (sizes > 0))
    weights, guaranteed = included[possible], summary.format.head_labels
    most = min(max(limits.max_partitions, guaranteed), possible.size)
    by_weight = possible[best_first(weights, most)].tolist()
    decided = [label for label in head.labels.tolist() if label < sizes.size and included[label] > 0.5]
    first = [label for label in decided if sizes[label]]
    likely = np.array(list(dict.fromkeys([*first, *by_weight]))[:most], dtype=np.int64)
    covered = np.cumsum(included[likely])
    covering = int(covered.searchsorted(model.partition_coverage * float(weights.sum()))) + 1
    affordable = int(np.cumsum(sizes[likely]).searchsorted(limits.max_candidates, side="right"))
    return likely[: min(covering, max(affordable, guaranteed))]


@span("partitions")
def with_near(
    summary: DatabaseSummary,
    partitions: NDArray[np.int64],
    similarities: NDArray[np.float32],
    trust: float,
    limits: SearchLimits,
) -> NDArray[np.int64]:
    """The partitions, then those nearest to the estimate: the less the head is trusted, the more.

    Args:
        summary: the database.
        partitions: (P,) partitions that are read anyway.
        similarities: (K,) of the estimate of q to the mean of each partition.
        trust: the probability that the whole head is right.
        limits: bounds on the work.
    """
    sizes, budget = summary.list_sizes, limits.max_candidates
    others = sizes > 0
    others[partitions] = False
    near = np.flatnonzero(others)
    near = near[all_best_first(similarities[near])]
    listed = int(sizes[partitions].sum())
    total = np.cumsum(sizes[near]) + listed
    wanted = int(total.searchsorted(limits.min_candidates)) + 1 if listed < limits.min_candidates else 0
    doubtful = int(total.searchsorted((1 - trust) * budget, side="right"))
    affordable = int(total.searchsorted(budget, side="right"))
    return np.concatenate([partitions, near[: min(affordable, max(summary.probes, doubtful, wanted))]])
