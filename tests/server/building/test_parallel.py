"""Threads of a build: as many as told, each with linear algebra in one thread."""

import threading
from collections.abc import Callable

import faiss
import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from dsc_server.building import parallel
from dsc_server.building.parallel import in_threads, in_turn, num_threads, with_one_blas_thread


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_they_are_those_of_faiss_also_while_linear_algebra_has_one(threads: int) -> None:
    def found() -> tuple[int, int, list[int]]:
        blas = max(pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas")
        return num_threads(), blas, in_threads(lambda _: num_threads(), range(2))

    with threadpool_limits(threads):
        assert with_one_blas_thread(found)() == (threads, 1, [1, 1])
        assert num_threads() == threads
        assert int(faiss.omp_get_max_threads()) == threads


def test_pieces_of_work_run_beside_each_other() -> None:
    barrier = threading.Barrier(3)

    @with_one_blas_thread
    def meet() -> list[int]:
        return in_threads(lambda item: item if barrier.wait(60) >= 0 else -1, range(3))

    with threadpool_limits(3):
        assert meet() == [0, 1, 2]


def test_there_are_at_most_so_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parallel, "MOST_THREADS", 2)
    with threadpool_limits(3):
        assert num_threads() == 2


@pytest.mark.parametrize("each", [in_threads, in_turn])
def test_results_come_in_order_and_errors_arrive(each: Callable[..., list[int]]) -> None:
    assert each(lambda item: item * item, range(50)) == [item * item for item in range(50)]
    with pytest.raises(ZeroDivisionError):
        each(lambda item: 1 // item, [2, 1, 0])


def test_after_an_error_linear_algebra_has_its_threads_again() -> None:
    @with_one_blas_thread
    def fail() -> None:
        raise ValueError(str(np.float32(1)))

    with threadpool_limits(2):
        before = [pool["num_threads"] for pool in threadpool_info()]
        with pytest.raises(ValueError, match="1"):
            fail()
        assert [pool["num_threads"] for pool in threadpool_info()] == before
        assert num_threads() == 2
