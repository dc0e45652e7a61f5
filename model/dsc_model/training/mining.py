"""Hard negatives: for each query the most similar photos of other clusters, at most one of a cluster.

Source: Radenović, Tolias and Chum, "Fine-tuning CNN image retrieval with no human annotation" (2019), 4.2.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

ROWS_AT_ONCE = 256  # of queries: their similarities to the whole pool are in memory at a time


def hard_negatives(
    queries: NDArray[np.float32],
    query_clusters: NDArray[np.int64],
    pool: NDArray[np.float32],
    pool_clusters: NDArray[np.int64],
    count: int,
) -> NDArray[np.int64]:
    """(Q, count) int64: positions in the pool, most similar first; of equals the first in the pool.

    Args:
        queries: (Q, F) descriptors of length one.
        query_clusters: (Q,) cluster of each.
        pool: (P, F) descriptors of length one, of at least `count` clusters beside that of any query.
        pool_clusters: (P,) cluster of each.
        count: negatives of a query.
    """
    found = np.empty((len(queries), count), dtype=np.int64)
    for start in range(0, len(queries), ROWS_AT_ONCE):
        rows = slice(start, start + ROWS_AT_ONCE)
        orders = np.argsort(-(queries[rows] @ pool.T), axis=1, kind="stable")
        for row, (order, cluster) in enumerate(zip(orders, query_clusters[rows], strict=True), start):
            chosen = _one_of_each(order, pool_clusters, int(cluster))
            found[row] = [next(chosen) for _ in range(count)]
    return found


def _one_of_each(order: NDArray[np.int64], clusters: NDArray[np.int64], own: int) -> Iterator[int]:
    """The first of each cluster in an order, but none of a query's."""
    seen = {own}
    for position in order.tolist():
        cluster = int(clusters[position])
        if cluster not in seen:
            seen.add(cluster)
            yield position
