"""Rows of a feature cache in SQLite, each with a checksum: features by key, hashes of files by name."""

import hashlib
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dsc_common.errors import InvalidInputError
from dsc_common.features.extraction import Extraction
from dsc_common.features.extractor import ModelInfo

APPLICATION_ID = 0x44534346  # "DSCF", SQLite's field for whose file it is
FORMAT = 1

Row = tuple[
    bytes, bytes, bytes, bytes
]  # key, feature, probabilities, checksum; or name, stamp, hash, checksum
_FLOAT = np.dtype("<f4")


def prepare(database: sqlite3.Connection, path: Path) -> None:
    """Make the tables of a new file; InvalidInputError if it is a database of another kind."""
    with _transaction(database):
        [owner] = database.execute("PRAGMA application_id").fetchone()
        [form] = database.execute("PRAGMA user_version").fetchone()
        [tables] = database.execute("SELECT count(*) FROM sqlite_master").fetchone()
        if (owner, form, tables) == (0, 0, 0):
            database.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            database.execute(f"PRAGMA user_version = {FORMAT}")
            database.execute(
                "CREATE TABLE features"
                " (key BLOB PRIMARY KEY, feature BLOB, probabilities BLOB, checksum BLOB)"
            )
        elif (owner, form) != (APPLICATION_ID, FORMAT):
            raise InvalidInputError(f"{path} is a database, but no feature cache of format {FORMAT}")
        # Not in the first caches of this format.
        database.execute(
            "CREATE TABLE IF NOT EXISTS files"
            " (name BLOB PRIMARY KEY, stamp BLOB, content BLOB, checksum BLOB)"
        )


def select(database: sqlite3.Connection, keys: list[bytes]) -> list[Row]:
    """Rows of the keys."""
    marks = ",".join("?" * len(keys))
    query = f"SELECT key, feature, probabilities, checksum FROM features WHERE key IN ({marks})"  # noqa: S608
    return database.execute(query, keys).fetchall()


def select_contents(database: sqlite3.Connection, names: list[bytes]) -> list[Row]:
    """Rows of the files of these names."""
    marks = ",".join("?" * len(names))
    query = f"SELECT name, stamp, content, checksum FROM files WHERE name IN ({marks})"  # noqa: S608
    return database.execute(query, names).fetchall()


def insert_contents(database: sqlite3.Connection, rows: list[Row]) -> None:
    """Put rows of files, all or none."""
    with _transaction(database):
        database.executemany("INSERT OR REPLACE INTO files VALUES (?, ?, ?, ?)", rows)


def insert(database: sqlite3.Connection, rows: list[Row]) -> None:
    """Put rows of features, all or none."""
    with _transaction(database):
        database.executemany("INSERT OR REPLACE INTO features VALUES (?, ?, ?, ?)", rows)


def drop_oldest(database: sqlite3.Connection, count: int) -> None:
    """Delete the rows that were put before the last `count`."""
    with _transaction(database):
        for table in ("features", "files"):
            oldest = f"(SELECT rowid FROM {table} ORDER BY rowid DESC LIMIT 1 OFFSET ?)"  # noqa: S608
            database.execute(f"DELETE FROM {table} WHERE rowid <= {oldest}", (count,))  # noqa: S608


@contextmanager
def _transaction(database: sqlite3.Connection) -> Iterator[None]:
    """All of a block's changes or none; waits for other processes' before it begins."""
    database.execute("BEGIN IMMEDIATE")
    try:
        yield
        database.execute("COMMIT")
    except BaseException:
        if database.in_transaction:
            database.execute("ROLLBACK")
        raise


def encode(key: bytes, extraction: Extraction) -> Row:
    """The row of an extraction."""
    feature, probabilities = (
        values.astype(_FLOAT).tobytes() for values in (extraction.feature, extraction.probabilities)
    )
    return key, feature, probabilities, _checksum(key, feature, probabilities)


def decode(row: Row, model: ModelInfo) -> Extraction | None:
    """The extraction of a row; None if the row is damaged."""
    if not all(isinstance(value, bytes) for value in row):
        return None
    key, feature, probabilities, checksum = row
    sizes = (_FLOAT.itemsize * model.feature_dim, _FLOAT.itemsize * len(model.labels))
    if (len(feature), len(probabilities)) != sizes or checksum != _checksum(key, feature, probabilities):
        return None
    return Extraction(_floats(feature), _floats(probabilities))


def encode_content(name: bytes, stamp: bytes, content: bytes) -> Row:
    """The row of a file: its name, its stamp, and the hash of its content."""
    return name, stamp, content, _checksum(name, stamp, content)


def decode_content(row: Row) -> tuple[bytes, bytes, bytes]:
    """Name, stamp and hash of a row; empty if the row is damaged."""
    if not all(isinstance(value, bytes) for value in row) or row[3] != _checksum(*row[:3]):
        return b"", b"", b""
    return row[:3]


def _floats(data: bytes) -> NDArray[np.float32]:
    return np.frombuffer(data, _FLOAT).astype(np.float32)


def _checksum(*values: bytes) -> bytes:
    sizes = "".join(f"{len(value)} " for value in values).encode()
    return hashlib.sha256(sizes + b"".join(values)).digest()
