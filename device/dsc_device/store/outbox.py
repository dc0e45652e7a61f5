"""The answer that is being written: its line, and where in the results it belongs."""

import os
import sqlite3
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Place:
    """Where a line of the results begins.

    Attributes:
        path: the file, absolute; None: standard output.
        device: device of the file.
        inode: its number there.
        offset: first byte of the line.
    """

    path: Path | None = None
    device: int = 0
    inode: int = 0
    offset: int = 0


@dataclass(frozen=True)
class Line:
    """A line of the results, with its line feed, and its place."""

    text: bytes
    place: Place


def put(connection: sqlite3.Connection, line: Line) -> None:
    """Keep the line that is about to be written, in place of the one before."""
    place = line.place
    path = None if place.path is None else os.fsencode(place.path)
    connection.execute(
        "INSERT OR REPLACE INTO outbox VALUES (1, ?, ?, ?, ?, ?)",
        (line.text, path, place.device, place.inode, place.offset),
    )


def pending(connection: sqlite3.Connection) -> Line | None:
    """The line that may not be written, or not to its end."""
    row = connection.execute("SELECT line, path, device, inode, place FROM outbox").fetchone()
    if row is None:
        return None
    text, path, *numbers = row
    return Line(text, Place(None if path is None else Path(os.fsdecode(path)), *numbers))


def clear(connection: sqlite3.Connection) -> None:
    """The line is written."""
    connection.execute("DELETE FROM outbox")
