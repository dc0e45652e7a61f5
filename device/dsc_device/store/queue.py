"""The queue of queries, oldest first, bounded by number and by bytes: the oldest go when it is full."""

import sqlite3
from dataclasses import dataclass

from dsc_device.store.entry import COLUMNS, Entry, entry_from_row, entry_to_row

ROW_BYTES = 256  # of a row, besides its values
_SIZE = f"{ROW_BYTES} + length(feature) + length(probabilities) + length(name) + ifnull(length(path), 0)"
QUEUED, BYTES, DROPPED_FULL = "queued", "queued_bytes", "dropped_full"


@dataclass(frozen=True)
class QueueLimits:
    """Limits of the queue.

    Attributes:
        queries: number of queries.
        bytes: bytes of their rows.
    """

    queries: int = 100_000
    bytes: int = 256 << 20


@dataclass(frozen=True, eq=False)
class Waiting:
    """A query with its number in the queue; `entry` is None if its row is damaged."""

    number: int
    entry: Entry | None


def add(connection: sqlite3.Connection, entry: Entry, limits: QueueLimits, in_flight: int | None) -> int:
    """Put a query at the end; the number of oldest queries that went for it.

    Args:
        connection: the store, in a transaction.
        entry: the query.
        limits: limits of the queue.
        in_flight: number of the query that is being sent, which stays.
    """
    row = entry_to_row(entry)
    marks = ", ".join("?" * len(row))
    cursor = connection.execute(f"INSERT INTO queue ({COLUMNS}, checksum) VALUES ({marks})", row)  # noqa: S608
    number = cursor.lastrowid
    (size,) = connection.execute(f"SELECT {_SIZE} FROM queue WHERE number = ?", (number,)).fetchone()  # noqa: S608
    count(connection, QUEUED, 1)
    count(connection, BYTES, size)
    return _drop_oldest(connection, limits, (number, in_flight))


def oldest(connection: sqlite3.Connection) -> Waiting | None:
    """The query that has waited longest."""
    row = connection.execute(
        f"SELECT number, {COLUMNS}, checksum FROM queue ORDER BY number LIMIT 1"  # noqa: S608
    ).fetchone()
    return None if row is None else Waiting(row[0], entry_from_row(row[1:]))


def remove(connection: sqlite3.Connection, number: int) -> None:
    """Take a query out; nothing happens if it is not there."""
    row = connection.execute(f"SELECT {_SIZE} FROM queue WHERE number = ?", (number,)).fetchone()  # noqa: S608
    if row is not None:
        connection.execute("DELETE FROM queue WHERE number = ?", (number,))
        count(connection, QUEUED, -1)
        count(connection, BYTES, -row[0])


def replace(connection: sqlite3.Connection, number: int, entry: Entry) -> None:
    """Put another extraction of the photo in the place of a query."""
    columns = ", ".join(f"{name} = ?" for name in (*COLUMNS.split(", "), "checksum"))
    connection.execute(f"UPDATE queue SET {columns} WHERE number = ?", (*entry_to_row(entry), number))  # noqa: S608


def recount(connection: sqlite3.Connection) -> None:
    """Set the totals to what is there."""
    total = connection.execute(f"SELECT count(*), ifnull(sum({_SIZE}), 0) FROM queue").fetchone()  # noqa: S608
    for name, value in zip((QUEUED, BYTES), total, strict=True):
        connection.execute("INSERT OR REPLACE INTO counts VALUES (?, ?)", (name, value))


def count(connection: sqlite3.Connection, name: str, more: int = 1) -> None:
    """Add to a count."""
    connection.execute(
        "INSERT INTO counts VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = value + excluded.value",
        (name, more),
    )


def counts(connection: sqlite3.Connection) -> dict[str, int]:
    """All counts."""
    return dict(connection.execute("SELECT name, value FROM counts ORDER BY name").fetchall())


def _drop_oldest(
    connection: sqlite3.Connection, limits: QueueLimits, kept: tuple[int | None, int | None]
) -> int:
    dropped = 0
    while True:
        totals = counts(connection)
        if totals[QUEUED] <= limits.queries and totals[BYTES] <= limits.bytes:
            break
        row = connection.execute(
            "SELECT number FROM queue WHERE number IS NOT ? AND number IS NOT ? ORDER BY number LIMIT 1", kept
        ).fetchone()
        if row is None:
            break
        remove(connection, row[0])
        dropped += 1
    if dropped:
        count(connection, DROPPED_FULL, dropped)
    return dropped
