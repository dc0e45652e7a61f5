"""Features and probabilities by content: photo, box and model; one SQLite file that several processes share.

Nothing in it is trusted: each row carries a checksum of its key and its numbers. A row that fails the check
is computed again, a damaged file is set aside and replaced, and without a usable file the numbers are the
same. Each of these events is reported in one line.
"""

import fcntl
import functools
import hashlib
import os
import sqlite3
from collections.abc import Callable, Iterable, Mapping
from importlib.metadata import version
from pathlib import Path
from types import TracebackType
from typing import TypeVar

from dsc_common.errors import InvalidInputError
from dsc_common.features.cache_rows import (
    decode,
    decode_content,
    drop_oldest,
    encode,
    encode_content,
    insert,
    insert_contents,
    prepare,
    select,
    select_contents,
)
from dsc_common.features.extraction import Extraction
from dsc_common.features.extractor import ModelInfo
from dsc_common.features.hardware import CPU, Hardware
from dsc_common.features.images import READING_VERSION, Box
from dsc_common.features.session import RUNTIME_VERSION

FILE_NAME = "features.sqlite"
LOCK_TIMEOUT_S = 60.0
HASH_BLOCK_BYTES = 1 << 20

# SQLITE_ERROR: a table or column is missing, for the statements themselves are right.
_DAMAGE_CODES = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR)
_PACKAGES = ("numpy", "pillow")

_Result = TypeVar("_Result")


def key_of(path: Path, box: Box | None, model: ModelInfo) -> bytes:
    """32 bytes: SHA-256 of a photo's content, its box, the model, and the versions of what reads photos.

    Raises:
        OSError: the photo cannot be read.
    """
    return key_from(content_of(path), box, model)


def content_of(path: Path) -> bytes:
    """SHA-256 of a file's content, 32 bytes; OSError if it cannot be read."""
    content = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(HASH_BLOCK_BYTES):
            content.update(block)
    return content.digest()


def key_from(content: bytes, box: Box | None, model: ModelInfo, hardware: Hardware = CPU) -> bytes:
    """`key_of` a photo with this `content_of`; other hardware than the processor gives other low bits."""
    where = "whole" if box is None else " ".join(float(side).hex() for side in box)
    lines = [content.hex(), where, model.sha256, reading_version()]
    if hardware != CPU:
        lines.append(hardware)
    return hashlib.sha256("\n".join(lines).encode()).digest()


@functools.cache
def reading_version() -> str:
    """Versions of the code and the packages that turn a photo into numbers: with others, so may these be."""
    packages = {name: version(name) for name in _PACKAGES} | {"onnxruntime": RUNTIME_VERSION}
    return ", ".join((f"reading {READING_VERSION}", *map(" ".join, sorted(packages.items()))))


class FeatureCache:
    """The cache; a context manager, for one thread.

    Args:
        folder: where the file is; it is made when it does not exist.
        say: called with one line on damage, and on anything that keeps the cache from being used.

    Raises:
        InvalidInputError: the file is a database, but not a feature cache of this format.
    """

    def __init__(self, folder: Path, say: Callable[[str], None]) -> None:
        self._path = folder / FILE_NAME
        self._say = say
        self._lock: int | None = None  # shared while the file is in use, exclusive to set it aside
        self._database: sqlite3.Connection | None = None
        self._set_aside = False
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._lock = os.open(folder / f"{FILE_NAME}.lock", os.O_RDWR | os.O_CREAT, 0o600)
            fcntl.flock(self._lock, fcntl.LOCK_SH)
            self._open()
        except OSError as error:
            self._give_up(error.strerror or str(error))
        except InvalidInputError:
            self.close()
            raise

    def __enter__(self) -> "FeatureCache":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Give the file back; what was put is kept."""
        if self._database is not None:
            self._database.close()
            self._database = None
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def get(self, keys: Iterable[bytes], model: ModelInfo) -> dict[bytes, Extraction]:
        """Cached extractions of the keys: feature (F,) and probabilities (K,) float32, as stored."""
        wanted = list(keys)
        rows = self._use(lambda database: select(database, wanted)) or []
        decoded = {row[0]: decode(row, model) for row in rows}
        valid = {key: extraction for key, extraction in decoded.items() if extraction is not None}
        if len(valid) < len(rows):
            damaged = len(rows) - len(valid)
            self._say(f"{damaged} damaged rows in the feature cache {self._path}; they are computed anew")
        return valid

    def put(self, extractions: Mapping[bytes, Extraction]) -> None:
        """Keep extractions, all or none; they take the place of those with the same keys."""
        rows = [encode(key, extraction) for key, extraction in extractions.items()]
        if rows:
            self._use(lambda database: insert(database, rows))

    def contents(self, stamps: Mapping[bytes, bytes]) -> dict[bytes, bytes]:
        """`content_of` each file, by name, if it was put with the same stamp.

        Args:
            stamps: for the name of each file, whatever changes with its content.
        """
        rows = self._use(lambda database: select_contents(database, list(stamps))) or []
        return {
            name: content for name, stamp, content in map(decode_content, rows) if stamp == stamps.get(name)
        }

    def put_contents(self, files: Mapping[bytes, tuple[bytes, bytes]]) -> None:
        """Keep (stamp, `content_of`) of files by name."""
        rows = [encode_content(name, *file) for name, file in files.items()]
        if rows:
            self._use(lambda database: insert_contents(database, rows))

    def keep_newest(self, count: int) -> None:
        """Drop the rows that were put first, so that at most `count` stay; the file does not shrink."""
        self._use(lambda database: drop_oldest(database, count))

    def _open(self) -> None:
        try:
            self._database = sqlite3.connect(self._path, timeout=LOCK_TIMEOUT_S, isolation_level=None)
            self._database.text_factory = bytes  # there is no text in it that has to be valid
        except sqlite3.Error as error:
            self._give_up(str(error))
        self._use(lambda database: prepare(database, self._path))

    def _use(self, action: Callable[[sqlite3.Connection], _Result]) -> _Result | None:
        if self._database is None:
            return None
        try:
            return action(self._database)
        except (sqlite3.Error, UnicodeDecodeError) as error:  # the latter: a damaged name in SQLite's message
            code = getattr(error, "sqlite_errorcode", 0) & 0xFF
            damaged = isinstance(error, UnicodeDecodeError) or code in _DAMAGE_CODES
            self._database.close()
            self._database = None
            if damaged and not self._set_aside:
                self._begin_again(str(error))
            else:
                self._give_up(str(error))
        return None

    def _begin_again(self, reason: str) -> None:
        if self._lock is None:
            return
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self._give_up(f"{reason}, and other processes use it")
            return
        self._set_aside = True
        aside = self._path.with_suffix(".damaged")
        try:
            self._path.replace(aside)
            self._path.with_name(f"{FILE_NAME}-journal").unlink(missing_ok=True)
        except OSError as error:
            self._give_up(f"{reason}, and it cannot be set aside: {error.strerror}")
            return
        fcntl.flock(self._lock, fcntl.LOCK_SH)
        self._say(f"the feature cache {self._path} is damaged ({reason}); set aside as {aside.name}")
        self._open()

    def _give_up(self, reason: str) -> None:
        self._say(f"the feature cache {self._path} is not used: {reason}")
        self.close()
