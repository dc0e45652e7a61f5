"""The number of threads of everything that computes: NumPy's BLAS, Faiss, and other pools."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import faiss
from threadpoolctl import threadpool_info, threadpool_limits

_DESCRIBED = ("prefix", "internal_api", "version", "architecture", "num_threads")


@contextmanager
def limited_threads(count: int) -> Iterator[None]:
    """At most `count` threads in every library that is loaded now."""
    with threadpool_limits(limits=count):
        faiss.omp_set_num_threads(count)
        yield


def thread_pools() -> list[dict[str, Any]]:
    """The libraries that are loaded and have a pool of threads, each with the number of its threads."""
    pools = ({key: pool[key] for key in _DESCRIBED if key in pool} for pool in threadpool_info())
    return sorted(pools, key=lambda pool: str(pool["prefix"]))
