"""Scratch of queries: marks of earlier queries do not count, and each thread has its own."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import numpy as np
import pytest

from dsc_server.kernels.arrays import ArrayKernels
from dsc_server.kernels.visited import Visited, VisitedPool

pytest.importorskip("dsc_server.kernels.compiled", exc_type=ImportError)
from dsc_server.kernels.compiled import CompiledKernels

IMAGES = np.array([3, 1, 2, 1, 4, 3], dtype=np.int64)
STARTS, STOPS = np.array([0, 3]), np.array([3, 6])


def test_marks_start_again_before_their_numbers_are_used_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dsc_server.kernels.visited._LARGEST", 20)
    visited = Visited(5)
    bases = []
    for _ in range(12):
        listing = CompiledKernels().listing(IMAGES, STARTS, STOPS, visited)
        assert listing.images.tolist() == [3, 1, 2, 4]
        bases.append(visited.base)
    assert max(bases) <= 20
    assert bases[:4] == [4, 8, 12, 16]
    assert bases[4] == 4


def test_both_kernels_may_use_the_same_scratch() -> None:
    visited = Visited(5)
    for kernels in (ArrayKernels(), CompiledKernels(), ArrayKernels(), CompiledKernels(), CompiledKernels()):
        assert kernels.listing(IMAGES, STARTS, STOPS, visited).images.tolist() == [3, 1, 2, 4]


def test_queries_at_the_same_time_have_scratch_of_their_own() -> None:
    pool, together = VisitedPool(5), Barrier(4)

    def borrow(_: int) -> int:
        with pool.borrowed() as visited:
            together.wait(10)
            return id(visited)

    with ThreadPoolExecutor(4) as threads:
        first, second = (set(threads.map(borrow, range(4))) for _ in range(2))
    assert len(first) == 4
    assert second == first  # returned, and borrowed again


def test_scratch_of_a_query_that_failed_is_not_used_again() -> None:
    pool = VisitedPool(5)

    def borrow() -> Visited:
        with pool.borrowed() as visited:
            return visited

    def fail() -> Visited:
        with pool.borrowed() as visited:
            raise RuntimeError(str(id(visited)))

    kept = borrow()
    assert borrow() is kept
    with pytest.raises(RuntimeError, match=str(id(kept))):
        fail()
    assert borrow() is not kept
