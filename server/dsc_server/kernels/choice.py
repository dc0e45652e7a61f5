"""The one place that decides what computes the inner loops of decoding and ranking."""

from functools import cache

from dsc_server.kernels.arrays import ArrayKernels
from dsc_server.kernels.interface import Kernels


def kernels() -> Kernels:
    """Compiled loops, or array operations where numba is not installed or NUMBA_DISABLE_JIT is set.

    The first call compiles them, in seconds; with the cache of an earlier process, in less than one.
    """
    return _chosen()


@cache
def _chosen() -> Kernels:
    try:
        from dsc_server.kernels.compiled import CompiledKernels  # noqa: PLC0415 (compiles)
    except ImportError:
        return ArrayKernels()
    return CompiledKernels()
