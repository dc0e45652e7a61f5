"""The store of a device: one folder, one process at a time.

DIR/device.sqlite    queue, ledger, outbox, counts, and the last manifest
DIR/device.lock      held by the process that uses it
"""

import contextlib
import os
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from dsc_common.files.lock import locked
from dsc_device.places import require_file, require_folder
from dsc_device.store import ledger, outbox, queue
from dsc_device.store.database import DamagedStoreError, Database, NoRoomError, StoreLostError
from dsc_device.store.entry import Entry
from dsc_device.store.outbox import Line
from dsc_device.store.photo_stamp import PhotoStamp
from dsc_device.store.queue import QueueLimits, Waiting

FILE_NAME, LOCK_NAME = "device.sqlite", "device.lock"
DROPPED_MODEL, DROPPED_DAMAGED = "dropped_model", "dropped_damaged"
ANSWERED, REFUSED = "answered", "refused"
_MANIFEST = "manifest"
_WATCHED = "watched "
REQUEST_ID_DIGITS = 16


class Store:
    """The store, open; for several threads. Every method is one transaction.

    Args:
        database: the file.
        limits: limits of the queue.
        aside: puts a damaged file aside; returns the error that names what to do.
    """

    def __init__(
        self, database: Database, limits: QueueLimits, aside: Callable[[DamagedStoreError], StoreLostError]
    ) -> None:
        self._database, self._limits, self._aside = database, limits, aside
        self._in_flight: int | None = None
        with self._using(), database.changing() as connection:
            queue.recount(connection)

    def add(self, entry: Entry, stamp: PhotoStamp | None = None) -> int:
        """Put a query at the end of the queue, and its photo into the ledger.

        Args:
            entry: the query; an empty request id becomes one of the photo's content.
            stamp: the photo's file; None: it has none that could be seen again.

        Returns:
            The number of oldest queries that the full queue dropped.

        Raises:
            NoRoomError: nothing is stored.
        """
        with self._using(), self._database.changing() as connection:
            if not entry.request_id:
                entry = _with_request_id(entry, ledger.use_number(connection, entry.content))
            if stamp is not None:
                ledger.put(connection, stamp, entry.content, ledger.PhotoState.QUEUED)
            return queue.add(connection, entry, self._limits, self._in_flight)

    def oldest(self) -> Waiting | None:
        """The query that has waited longest; it stays, also in a full queue, until another is asked for."""
        with self._using(), self._database.reading() as connection:
            found = queue.oldest(connection)
            self._in_flight = None if found is None else found.number
            return found

    def answer(self, number: int, line: Line, counted: str) -> None:
        """Take a query out of the queue, and keep the line of its answer until it is written."""
        with self._using(), self._database.changing() as connection:
            queue.remove(connection, number)
            outbox.put(connection, line)
            queue.count(connection, counted)

    def drop(self, number: int, counted: str) -> None:
        """Take a query out of the queue without an answer."""
        with self._using(), self._database.changing() as connection:
            queue.remove(connection, number)
            queue.count(connection, counted)

    def replace(self, number: int, entry: Entry) -> None:
        """Put another extraction of the photo in the place of a query."""
        with self._using(), self._database.changing() as connection:
            queue.replace(connection, number, entry)

    def pending_line(self) -> Line | None:
        """The line that may not be written to its end."""
        with self._using(), self._database.reading() as connection:
            return outbox.pending(connection)

    def move_line(self, line: Line) -> None:
        """Keep the pending line with another place."""
        with self._using(), self._database.changing() as connection:
            outbox.put(connection, line)

    def line_is_written(self) -> None:
        """The pending line is written."""
        with self._using(), self._database.changing() as connection:
            outbox.clear(connection)

    def is_known(self, stamp: PhotoStamp) -> bool:
        """Whether a file was seen and has not changed."""
        with self._using(), self._database.reading() as connection:
            if ledger.is_unchanged(connection, stamp):
                return True
        with self._using(), self._database.changing() as connection:
            return ledger.is_known(connection, stamp)

    def is_same_content(self, stamp: PhotoStamp, content: bytes) -> bool:
        """Whether a file that changed holds what it held when it was seen."""
        with self._using(), self._database.changing() as connection:
            return ledger.is_same_content(connection, stamp, content)

    def pass_over(self, stamps: list[PhotoStamp], state: ledger.PhotoState, content: bytes = b"") -> None:
        """Enter files into the ledger that are not queried."""
        with self._using(), self._database.changing() as connection:
            for stamp in stamps:
                ledger.put(connection, stamp, content, state)

    def is_watched(self, folder: Path) -> bool:
        """Whether a folder was watched before."""
        return self._kept(_watched(folder)) is not None

    def mark_watched(self, folder: Path) -> None:
        """The photos that a folder had are in the ledger."""
        self._keep(_watched(folder), b"")

    def keep_manifest(self, server: str, message: bytes) -> None:
        """Keep the message of the last manifest of a server; others' are discarded."""
        self._keep(_MANIFEST, server.encode() + b"\0" + message)

    def manifest(self, server: str) -> bytes | None:
        """The message of the last manifest, if it is of this server."""
        with self._using(), self._database.reading() as connection:
            return manifest_of(connection, server)

    def shrink(self) -> None:
        """Give room that is no longer needed back to the disk."""
        with self._using(), contextlib.suppress(NoRoomError):
            self._database.shrink()

    def counts(self) -> dict[str, int]:
        """All counts."""
        with self._using(), self._database.reading() as connection:
            return queue.counts(connection)

    def num_waiting(self) -> int:
        """Number of queries in the queue."""
        return self.counts().get(queue.QUEUED, 0)

    def _kept(self, name: str) -> bytes | None:
        with self._using(), self._database.reading() as connection:
            row = connection.execute("SELECT value FROM kept WHERE name = ?", (name,)).fetchone()
            return None if row is None else row[0]

    def _keep(self, name: str, value: bytes) -> None:
        with self._using(), self._database.changing() as connection:
            connection.execute("INSERT OR REPLACE INTO kept VALUES (?, ?)", (name, value))

    @contextlib.contextmanager
    def _using(self) -> Iterator[None]:
        try:
            yield
        except DamagedStoreError as error:
            raise self._aside(error) from error


def manifest_of(connection: sqlite3.Connection, server: str) -> bytes | None:
    """The message of the last manifest in a store, if it is of this server."""
    row = connection.execute("SELECT value FROM kept WHERE name = ?", (_MANIFEST,)).fetchone()
    address, zero, message = (b"" if row is None else row[0]).partition(b"\0")
    return message if zero and address == server.encode() else None


@contextlib.contextmanager
def open_store(folder: Path, limits: QueueLimits, say: Callable[[str], None]) -> Iterator[Store]:
    """The store in a folder, which is made, and kept from other users, if it does not exist.

    A damaged file is put aside, and the store begins empty.

    Args:
        folder: the folder of the store.
        limits: limits of the queue.
        say: prints a line for a person.

    Raises:
        InvalidInputError: another process uses the store.
        NoRoomError: there is no room for it.
        DscError: it cannot be opened.
        SettingError: something else is in its place.
        OSError: the folder cannot be made.
    """
    require_folder(folder, "the queue")
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for name in (LOCK_NAME, FILE_NAME):
        require_file(folder / name)
    with locked(folder / LOCK_NAME, f"another process uses the store in {folder}"):
        path = folder / FILE_NAME
        try:
            _look_at_empty(path, say)
            database = Database(path)
        except DamagedStoreError as error:
            say(f"error: {_put_aside(path, error)}")
            database = Database(path)
        with contextlib.closing(database):
            yield Store(database, limits, lambda error: _put_aside(path, error))


def _look_at_empty(path: Path, say: Callable[[str], None]) -> None:
    """A file of 0 bytes becomes a new store; SQLite would remove the log beside it, which may hold queries.

    Raises:
        DamagedStoreError: there is such a log.
    """
    if not path.exists() or path.stat().st_size:
        return
    log = Path(f"{path}-wal")
    if log.exists() and log.stat().st_size:
        raise DamagedStoreError(f"it has 0 bytes, and its log {log.stat().st_size:,}")
    say(
        f"note: the store {path} has 0 bytes; a new one begins: queries that it may have held are lost, and "
        f"photos in watched folders count as new"
    )


def _put_aside(path: Path, error: DamagedStoreError) -> StoreLostError:
    """Rename a damaged file, with its log; the error to raise or print."""
    number = 1
    while (aside := path.with_name(f"{path.name}.damaged-{number}")).exists():
        number += 1
    for suffix in ("-wal", "-shm", ""):
        with contextlib.suppress(FileNotFoundError):
            os.replace(f"{path}{suffix}", f"{aside}{suffix}")  # noqa: PTH105 (names with suffixes)
    rest = (
        f". `sqlite3 {aside.name} .recover` may read what is left"
        if aside.exists() and aside.stat().st_size
        else ""
    )
    return StoreLostError(
        f"the store {path} is damaged ({error}); put aside as {aside.name}. A new one begins: queries that "
        f"waited are lost, and photos in watched folders count as new{rest}"
    )


def _with_request_id(entry: Entry, use: int) -> Entry:
    digits = entry.content.hex()[:REQUEST_ID_DIGITS]
    return replace(entry, request_id=digits if use == 1 else f"{digits}-{use}")


def _watched(folder: Path) -> str:
    return f"{_WATCHED}{os.fsencode(folder.absolute()).hex()}"
