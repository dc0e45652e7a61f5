"""Both kinds of kernels, for tests that run with each; numpy's alone where numba is not installed."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from dsc_server.kernels.arrays import ArrayKernels
from dsc_server.kernels.interface import Kernels

KINDS: dict[str, Kernels] = {"numpy": ArrayKernels()}
try:
    from dsc_server.kernels.compiled import CompiledKernels
except ImportError:
    pass
else:
    KINDS = {"numba": CompiledKernels(), **KINDS}


@contextmanager
def ranked_with(name: str) -> Iterator[None]:
    """These kernels in place of the chosen ones."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("dsc_server.kernels.choice._chosen", lambda: KINDS[name])
        yield
