"""The ledger of photos that were seen: each is queried once, under any name and on any mount.

A file is the same photo while path, size and time of change stay, or inode, size and time of change (it
was renamed). With another time of change it is read: the same content at the same path is the same photo,
at another path it is another one, also where a new file got the inode of one that was removed.
"""

import os
import sqlite3
from enum import StrEnum

from dsc_device.store.photo_stamp import PhotoStamp

_ROW = "path, device, inode, size, mtime_ns, content, state"


class PhotoState(StrEnum):
    """What happened to a photo."""

    QUEUED = "queued"
    FAILED = "failed"  # it cannot be read; tried again when it has changed
    PASSED = "passed over"  # it was there before the folder was watched, or is no photo


def is_unchanged(connection: sqlite3.Connection, stamp: PhotoStamp) -> bool:
    """Whether a file is in the ledger as it is; the usual case of `is_known`, which changes nothing."""
    found = connection.execute(
        "SELECT device, inode, size, mtime_ns FROM photos WHERE path = ?", stamp.row[:1]
    ).fetchone()
    return bool(found == stamp.row[1:])


def is_known(connection: sqlite3.Connection, stamp: PhotoStamp) -> bool:
    """Whether a file is in the ledger and has not changed; a renamed file gets its new path."""
    path, device, inode, size, mtime_ns = stamp.row
    found = connection.execute(f"SELECT {_ROW} FROM photos WHERE path = ?", (path,)).fetchone()  # noqa: S608
    if found and found[3:5] == (size, mtime_ns) and (found[2] == inode or found[1] != device):
        if found[1:3] != (device, inode):  # mounted again
            connection.execute(
                "UPDATE photos SET device = ?, inode = ? WHERE path = ?", (device, inode, path)
            )
        return True
    same = connection.execute(
        f"SELECT {_ROW} FROM photos WHERE device = ? AND inode = ? AND size = ? AND mtime_ns = ?",  # noqa: S608
        (device, inode, size, mtime_ns),
    ).fetchone()
    if same is None:
        return False
    if not _is_at(same[0], stamp):  # renamed; otherwise a second link to one file
        _put(connection, stamp, same[5], same[6], instead_of=same[0])
    return True


def is_same_content(connection: sqlite3.Connection, stamp: PhotoStamp, content: bytes) -> bool:
    """Whether a file that changed holds what it held when it was seen; the ledger gets its new stamp."""
    found = connection.execute(
        "SELECT state FROM photos WHERE content = ? AND path = ?", (content, stamp.row[0])
    ).fetchone()
    if found is None:
        return False
    _put(connection, stamp, content, found[0])
    return True


def put(connection: sqlite3.Connection, stamp: PhotoStamp, content: bytes, state: PhotoState) -> None:
    """Enter a photo, in place of what was at its path.

    Args:
        connection: the store, in a transaction.
        stamp: the file.
        content: SHA-256 of what it holds; empty: it was not read.
        state: what happened to it.
    """
    _put(connection, stamp, content, state)


def use_number(connection: sqlite3.Connection, content: bytes) -> int:
    """How many photos with this content there were, with this one."""
    connection.execute(
        "INSERT INTO contents VALUES (?, 1) ON CONFLICT (content) DO UPDATE SET uses = uses + 1", (content,)
    )
    (uses,) = connection.execute("SELECT uses FROM contents WHERE content = ?", (content,)).fetchone()
    return int(uses)


def _put(
    connection: sqlite3.Connection,
    stamp: PhotoStamp,
    content: bytes,
    state: str,
    instead_of: bytes | None = None,
) -> None:
    if instead_of is not None:
        connection.execute("DELETE FROM photos WHERE path = ?", (instead_of,))
    connection.execute(
        f"INSERT OR REPLACE INTO photos ({_ROW}) VALUES (?, ?, ?, ?, ?, ?, ?)",  # noqa: S608
        (*stamp.row, content, state),
    )


def _is_at(path: bytes, stamp: PhotoStamp) -> bool:
    try:
        status = os.stat(path)  # noqa: PTH116 (bytes)
    except OSError:
        return False
    return (status.st_dev, status.st_ino) == (stamp.device, stamp.inode)
