"""Scratch of an index: the rows that a query has met. It is kept: no query clears or allocates it."""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from numpy.typing import NDArray

_LARGEST = np.iinfo(np.int32).max


class Visited:
    """Position of each row among the rows that a query has met.

    Attributes:
        marks: (R,) int32; a row's mark less `base` is its position, or negative if it was not met.
        base: of the present query; marks of earlier queries are below it.
    """

    def __init__(self, num_rows: int) -> None:
        self.marks: NDArray[np.int32] = np.full(num_rows, -1, dtype=np.int32)
        self.base = 0

    def begin(self, most: int) -> int:
        """The base for a query that meets `most` rows or fewer."""
        if self.base + most > _LARGEST:
            self.marks.fill(-1)
            self.base = 0
        return self.base

    def end(self, met: int) -> None:
        """The query has met so many rows; their marks are below the next base."""
        self.base += met


class VisitedPool:
    """Scratch for queries in several threads: each borrows one.

    Args:
        num_rows: R.
    """

    def __init__(self, num_rows: int) -> None:
        self._num_rows = num_rows
        self._free: list[Visited] = []  # append and pop are atomic

    @contextmanager
    def borrowed(self) -> Iterator[Visited]:
        """Scratch for one query; one that ends with an error is not used again."""
        try:
            visited = self._free.pop()
        except IndexError:
            visited = Visited(self._num_rows)
        yield visited
        self._free.append(visited)
