"""The SQLite file of a device: every change is a transaction that is on disk when it returns.

A process that is killed at any point, or loses power, leaves the last transaction that returned.
"""

import contextlib
import os
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path

from dsc_common.errors import DscError

BUSY_TIMEOUT_S = 30.0
FORMAT = 1
_JOURNAL_BYTES = 1 << 18  # the log shrinks to this when it is empty
_JOURNAL_PAGES = 32  # of the log, at which they move to the file: a small disk must not fill with the log
_APPLICATION = 0x64736364  # "dscd", in the header of the file
_DAMAGE = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
_NO_ROOM = (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR)

SCHEMA = """
CREATE TABLE queue (
    number INTEGER PRIMARY KEY AUTOINCREMENT, request_id TEXT NOT NULL, name BLOB NOT NULL, path BLOB,
    content BLOB NOT NULL, model TEXT NOT NULL, feature BLOB NOT NULL, probabilities BLOB NOT NULL,
    captured_ns INTEGER NOT NULL, choices TEXT NOT NULL, checksum BLOB NOT NULL
);
CREATE TABLE photos (
    path BLOB PRIMARY KEY, device INTEGER NOT NULL, inode INTEGER NOT NULL, size INTEGER NOT NULL,
    mtime_ns INTEGER NOT NULL, content BLOB NOT NULL, state TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX photos_by_inode ON photos (device, inode);
CREATE TABLE contents (content BLOB PRIMARY KEY, uses INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE outbox (
    one INTEGER PRIMARY KEY CHECK (one = 1), line BLOB NOT NULL, path BLOB,
    device INTEGER NOT NULL, inode INTEGER NOT NULL, place INTEGER NOT NULL
);
CREATE TABLE counts (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE kept (name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
"""


class NoRoomError(DscError):
    """A change was not written, for want of room or because the disk fails; it may succeed later."""


class DamagedStoreError(DscError):
    """The file is damaged, or is no store of this format."""


class StoreLostError(DscError):
    """A damaged file was put aside while it was in use; the next start begins with an empty one."""


class Database:
    """One connection, which threads share.

    Args:
        path: the file; it is made if it does not exist, readable by its user alone.
        read_only: nothing is made or changed.

    Raises:
        DamagedStoreError: the file is damaged, or is another program's.
        NoRoomError: there is no room for it.
        DscError: it cannot be opened.
    """

    def __init__(self, path: Path, *, read_only: bool = False) -> None:
        self._path = path
        self._lock = threading.RLock()
        if not read_only:
            os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600))
        with self._errors():
            mode = _read_only_mode(path) if read_only else "rw"
            self._connection = sqlite3.connect(
                f"{path.absolute().as_uri()}?mode={mode}",
                uri=True,
                timeout=BUSY_TIMEOUT_S,
                isolation_level=None,
                check_same_thread=False,
            )
        try:
            with self._errors():
                self._prepare(read_only=read_only)
        except BaseException:
            self._connection.close()
            raise

    def close(self) -> None:
        """Close the connection."""
        with self._lock:
            self._connection.close()

    @contextlib.contextmanager
    def changing(self) -> Iterator[sqlite3.Connection]:
        """A transaction: on disk when the block ends, undone on any error."""
        with self._lock, self._errors():
            connection = self._connection
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise

    @contextlib.contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """The connection, for statements that change nothing."""
        with self._lock, self._errors():
            yield self._connection

    def shrink(self) -> None:
        """Give room that is no longer needed back to the disk."""
        with self._lock, self._errors():
            self._connection.execute("PRAGMA incremental_vacuum").fetchall()

    def _prepare(self, *, read_only: bool) -> None:
        connection = self._connection
        connection.execute("PRAGMA query_only = true" if read_only else "PRAGMA synchronous = FULL")
        connection.execute("PRAGMA trusted_schema = false")
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
        if pages == 0 and not read_only:
            self._make()
        (application,) = connection.execute("PRAGMA application_id").fetchone()
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if application != _APPLICATION:
            raise DamagedStoreError("it is not a store of dsc-device")
        if version != FORMAT:
            raise DscError(f"{self._path}: expected a store of format {FORMAT}, got {version}")
        if not read_only:
            connection.execute("PRAGMA journal_mode = WAL").fetchone()
            connection.execute(f"PRAGMA journal_size_limit = {_JOURNAL_BYTES}").fetchone()
            connection.execute(f"PRAGMA wal_autocheckpoint = {_JOURNAL_PAGES}").fetchone()
            self._require_sound()

    def _make(self) -> None:
        self._connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
        self._connection.executescript(
            f"BEGIN; PRAGMA application_id = {_APPLICATION}; PRAGMA user_version = {FORMAT}; {SCHEMA} COMMIT;"
        )

    def _require_sound(self) -> None:
        (found,) = self._connection.execute("PRAGMA quick_check(1)").fetchone()
        if found != "ok":
            raise DamagedStoreError(str(found).splitlines()[-1])

    @contextlib.contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
            if code in _NO_ROOM:
                raise NoRoomError(f"cannot write {self._path}: {error}") from error
            if code in _DAMAGE or code == sqlite3.SQLITE_ERROR:  # the statements themselves are right
                raise DamagedStoreError(str(error)) from error
            raise DscError(f"cannot use {self._path}: {error}") from error


def _read_only_mode(path: Path) -> str:
    """The mode of reading: as a file that nobody changes, if SQLite cannot make its log beside it."""
    is_at_rest = not path.with_name(f"{path.name}-wal").exists() and not os.access(path.parent, os.W_OK)
    return "ro&immutable=1" if is_at_rest else "ro"
