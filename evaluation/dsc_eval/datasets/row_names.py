"""Rows of a feature file by name: the whole name, or the end of a path."""

from collections.abc import Sequence
from pathlib import PurePosixPath

from dsc_common.errors import InvalidInputError

_SEVERAL = -1


class RowNames:
    """Rows by name. `2008/a.jpg` is also found as `a.jpg`, and as `/data/2008/a.jpg`.

    Args:
        names: names of the rows, all different.
        file: for error lines.
    """

    def __init__(self, names: Sequence[str], file: str) -> None:
        self._file = file
        self._rows = {name: row for row, name in enumerate(names)}
        self._ends: dict[str, int] = {}
        for row, name in enumerate(names):
            for end in _ends(name)[1:]:
                self._ends[end] = row if end not in self._ends else _SEVERAL

    def row(self, name: str) -> int | None:
        """The row that is meant; None if there is none.

        Raises:
            InvalidInputError: several rows end in this name, and none has it as a whole.
        """
        for end in _ends(name):
            if end in self._rows:
                return self._rows[end]
        found = self._ends.get(name)
        if found == _SEVERAL:
            raise InvalidInputError(f"{self._file}: expected one row called {name}, got several")
        return found


def _ends(name: str) -> list[str]:
    """A path and its ends, longest first."""
    parts = PurePosixPath(name).parts
    return [name, *("/".join(parts[start:]) for start in range(1, len(parts)))]
