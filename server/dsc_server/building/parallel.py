"""Work in threads, with results that do not depend on their number.

NumPy and Faiss release the interpreter's lock in matrix products and in most passes over an array. Linear
algebra rounds differently in several threads. So it runs in one, and pieces of work, which are the same for
any number of threads, run beside each other.
"""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial, wraps
from typing import ParamSpec, TypeVar

import faiss
from threadpoolctl import threadpool_limits

MOST_THREADS = 16  # bounds the memory: each thread holds a block of the database

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")
_Parameters = ParamSpec("_Parameters")
_threads: ContextVar[int | None] = ContextVar("_threads", default=None)


def num_threads() -> int:
    """Threads of a build: those of Faiss, one per core or `OMP_NUM_THREADS`, at most `MOST_THREADS`."""
    return _threads.get() or min(int(faiss.omp_get_max_threads()), MOST_THREADS)


def in_threads(work: Callable[[_Item], _Result], items: Iterable[_Item]) -> list[_Result]:
    """The results of `work` for all items, in their order; an error of one is raised."""
    one_thread_of_faiss = partial(faiss.omp_set_num_threads, 1)  # of the thread that calls it
    with _one_blas_thread(), ThreadPoolExecutor(num_threads(), initializer=one_thread_of_faiss) as threads:
        return list(threads.map(work, items))


def in_turn(work: Callable[[_Item], _Result], items: Iterable[_Item]) -> list[_Result]:
    """As `in_threads`, in the thread of the caller; for work that itself runs in threads."""
    return [work(item) for item in items]


def blocks_of(count: int, size: int) -> list[slice]:
    """The numbers below `count` in blocks of `size`; the last may reach beyond."""
    return [slice(start, start + size) for start in range(0, count, size)]


def with_one_blas_thread(function: Callable[_Parameters, _Result]) -> Callable[_Parameters, _Result]:
    """The function, during which linear algebra of NumPy and Faiss runs in the threads that call it."""

    @wraps(function)
    def limited(*args: _Parameters.args, **named: _Parameters.kwargs) -> _Result:
        with _one_blas_thread():
            return function(*args, **named)

    return limited


@contextmanager
def _one_blas_thread() -> Iterator[None]:
    """Where the linear algebra of Faiss uses OpenMP, this limits all its threads, so their number is kept.

    All libraries that are loaded by then are limited; a block inside another has nothing left to do.
    """
    if _threads.get() is not None:
        yield
        return
    kept = _threads.set(num_threads())
    try:
        with threadpool_limits(1, user_api="blas"):
            yield
    finally:
        _threads.reset(kept)
