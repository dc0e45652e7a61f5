"""Which partitions are read: those that the head names or may name, and those near the estimate of q."""

import numpy as np
from numpy.typing import NDArray

from dsc_server.index.semantic_index import SemanticIndex
from dsc_server.receiving.reading import HeadReading

LEAST_INCLUSION = 1e-6  # below, a partition is not read although nothing likelier holds an image
COVERAGE = 0.99  # of the labels that the head is expected to name in partitions that are not empty
MAX_PARTITIONS = 50
BUDGET = 100_000  # images; beyond, only the T likeliest partitions are read


def inclusion(posterior: NDArray[np.float64]) -> NDArray[np.float64]:
    """(T, K) → (K,): the probability that any slot carries a label."""
    return np.asarray(-np.expm1(np.log1p(-np.minimum(posterior, 1 - 1e-12)).sum(axis=0)))


def likely_partitions(
    index: SemanticIndex, head: HeadReading, included: NDArray[np.float64]
) -> NDArray[np.int64]:
    """Partitions that the head names or may name, empty ones passed over.

    Those of the labels decided on come first, in the head's order, as far as they are likelier than not;
    then the others, the likeliest first.
    """
    sizes = index.list_sizes
    weights = np.where((sizes > 0) & (included >= LEAST_INCLUSION), included, 0.0)
    decided = np.zeros(weights.size)
    for slot, label in enumerate(head.labels.tolist()):
        if label < weights.size and weights[label] > 0.5:
            decided[label] = len(head.labels) - slot
    order = np.lexsort((-weights, -decided))
    covered = np.cumsum(weights[order])
    wanted = int(np.searchsorted(covered, COVERAGE * covered[-1])) + 1
    certain = index.format.head_labels
    count = min(max(wanted, 1), max(MAX_PARTITIONS, certain), int((weights > 0).sum()))
    affordable = int(np.searchsorted(np.cumsum(sizes[order]), BUDGET, side="right"))
    return order[: min(count, max(affordable, certain))]


def with_near(
    index: SemanticIndex, partitions: NDArray[np.int64], q: NDArray[np.float32], trust: float
) -> NDArray[np.int64]:
    """And those whose images lie nearest to the estimate: the more, the less the head can be trusted."""
    sizes = index.list_sizes
    near = np.argsort(-index.label_model.similarities(q), kind="stable")
    near = near[(sizes[near] > 0) & ~np.isin(near, partitions)]
    total = np.cumsum(sizes[near]) + int(sizes[partitions].sum())
    doubtful = int(np.searchsorted(total, (1 - trust) * BUDGET, side="right"))
    affordable = int(np.searchsorted(total, BUDGET, side="right"))
    return np.concatenate([partitions, near[: min(affordable, max(index.probes, doubtful))]])
