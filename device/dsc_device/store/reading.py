"""A look at a store that another process may be using; nothing is changed."""

import contextlib
from dataclasses import dataclass, field
from pathlib import Path

from dsc_common.errors import DscError
from dsc_device.places import require_file, require_folder
from dsc_device.store import queue
from dsc_device.store.database import DamagedStoreError, Database
from dsc_device.store.store import FILE_NAME, manifest_of


@dataclass(frozen=True)
class StoreContent:
    """What a store holds.

    Attributes:
        counts: by name, see `queue` and `store`.
        photos: number of photos in the ledger, by what happened to them.
        oldest_ns: time of the oldest query that waits, in nanoseconds since 1970; None: none waits.
        manifest: message of the last manifest of the server; None: there was none.
    """

    counts: dict[str, int] = field(default_factory=dict)
    photos: dict[str, int] = field(default_factory=dict)
    oldest_ns: int | None = None
    manifest: bytes | None = None


def read_store(folder: Path, server: str) -> StoreContent:
    """What the store in a folder holds; nothing where there is none.

    Raises:
        SettingError: something else is in its place.
        DscError: it is empty or damaged, or cannot be read.
    """
    path = folder / FILE_NAME
    require_folder(folder, "the queue")
    require_file(path)
    if not path.exists():
        return StoreContent()
    if path.stat().st_size == 0:
        raise DscError(
            f"expected a store of dsc-device, got an empty file: {path}; `dsc-device sync` begins one"
        )
    try:
        with contextlib.closing(Database(path, read_only=True)) as database, database.reading() as connection:
            row = connection.execute("SELECT captured_ns FROM queue ORDER BY number LIMIT 1").fetchone()
            photos = connection.execute("SELECT state, count(*) FROM photos GROUP BY state ORDER BY state")
            return StoreContent(
                queue.counts(connection),
                dict(photos.fetchall()),
                None if row is None else row[0],
                manifest_of(connection, server),
            )
    except DamagedStoreError as error:
        raise DscError(f"the store {path} is damaged: {error}") from error
