"""Hard negatives against plain loops."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from dsc_model.training import mining
from dsc_model.training.mining import hard_negatives
from helpers.tiny_torch import unit_rows


def by_loops(queries, query_clusters, pool, pool_clusters, count):  # noqa: ANN001, ANN201
    found = []
    for query, cluster in zip(queries, query_clusters, strict=True):
        similar = [(float(np.dot(query, other)), -position) for position, other in enumerate(pool)]
        chosen, seen = [], {int(cluster)}
        for _, negative_position in sorted(similar, reverse=True):
            position = -negative_position
            if int(pool_clusters[position]) in seen:
                continue
            seen.add(int(pool_clusters[position]))
            chosen.append(position)
        found.append(chosen[:count])
    return np.array(found)


@given(st.integers(0, 2**31), st.integers(1, 12), st.integers(1, 4), st.integers(0, 30))
def test_negatives_are_those_of_a_plain_loop(seed: int, num_queries: int, count: int, more: int) -> None:
    rng = np.random.default_rng(seed)
    clusters = np.concatenate([np.arange(count + 1), rng.integers(0, count + 3, more)])
    # coordinates on a grid give exact products, and many ties
    pool = rng.integers(-2, 3, (len(clusters), 4)).astype(np.float32)
    queries = rng.integers(-2, 3, (num_queries, 4)).astype(np.float32)
    query_clusters = rng.integers(0, count + 1, num_queries)
    found = hard_negatives(queries, query_clusters, pool, clusters, count)
    assert found.tolist() == by_loops(queries, query_clusters, pool, clusters, count).tolist()


def test_many_queries_are_mined_in_blocks(monkeypatch) -> None:  # noqa: ANN001
    rng = np.random.default_rng(0)
    queries, pool = unit_rows(rng, 50, 8), unit_rows(rng, 80, 8)
    arguments = (queries, np.arange(50) % 10, pool, np.arange(80) % 10, 4)
    whole = hard_negatives(*arguments)
    monkeypatch.setattr(mining, "ROWS_AT_ONCE", 7)
    assert np.array_equal(hard_negatives(*arguments), whole)
    assert np.array_equal(whole, by_loops(*arguments))


def test_a_pool_of_one_cluster_beside_that_of_the_query_gives_its_most_similar() -> None:
    pool = np.array([[1, 0], [0.6, 0.8], [0, 1]], dtype=np.float32)
    found = hard_negatives(pool[:1], np.array([0]), pool, np.array([0, 1, 1]), 1)
    assert found.tolist() == [[1]]
