"""Answers of the queue into the results: kept in the store, then written, then marked as written."""

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from dsc_device.results.results_file import ResultsFile
from dsc_device.results.standard_output import StandardOutput
from dsc_device.store.outbox import Line, Place
from dsc_device.store.store import Store


class Results(Protocol):
    """A place for lines."""

    def check(self) -> None:
        """Raise an error unless lines can be written."""

    def place(self) -> Place:
        """Where the next line begins."""

    def write(self, line: Line, move: Callable[[Line], None]) -> None:
        """Write a line at its place, unless it is there already."""


def results_at(path: Path | None) -> Results:
    """The results in a file; None: on standard output."""
    return StandardOutput() if path is None else ResultsFile(path)


class AnswerWriter:
    """Writes each answer once. The line of an answer stays in the store until the next answer, or `settle`.

    Args:
        store: the store.
        results: where the lines go.
    """

    def __init__(self, store: Store, results: Results) -> None:
        self._store, self._results = store, results
        self._is_whole = False  # whether the line in the store is known to be written
        self._is_kept = True  # whether there may be one

    def write(self, number: int, text: str, counted: str) -> None:
        """Take a query out of the queue, and write its line.

        Args:
            number: of the query.
            text: the line, without a line feed.
            counted: name of the count of such answers.

        Raises:
            OSError: the line is not written; `finish` writes it later.
            NoRoomError: nothing has changed: the query is still in the queue.
        """
        self.finish()
        line = Line(f"{text}\n".encode(), self._results.place())
        self._store.answer(number, line, counted)
        self._is_whole, self._is_kept = False, True
        self._results.write(line, self._store.move_line)
        self._is_whole = True

    def finish(self) -> None:
        """Write the line that was begun before, by this process or one that ended in the middle of it.

        Raises:
            OSError: it cannot be written.
        """
        if self._is_whole:
            return
        line = self._store.pending_line()
        if line is not None:
            try:
                results_at(line.place.path).write(line, self._store.move_line)
            except FileNotFoundError:  # its folder is gone
                self._results.write(line, self._store.move_line)
        self._is_whole, self._is_kept = True, line is not None

    def settle(self) -> None:
        """Write what was begun, and take the line out of the store: the file may be rotated from here on.

        Raises:
            OSError: it cannot be written.
        """
        self.finish()
        if self._is_kept:
            self._store.line_is_written()
            self._is_kept = False
