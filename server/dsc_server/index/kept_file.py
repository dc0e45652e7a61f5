"""A file of an index, checked once and read for as long as the index is served: a change is an error.

A memory map of a file that another process truncates ends the reader with a bus error. So small files are
copied into memory, large ones are read from an open descriptor.
"""

import hashlib
import io
import os
import weakref
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dsc_common.errors import DamagedIndexError
from dsc_server.index.manifest import MANIFEST, FileEntry

IN_MEMORY_BYTES = 64 << 20
_HASHED_BYTES = 1 << 20


class KeptFile:
    """Bytes of a file, by slices, as they were when it was checked.

    Args:
        path: the file; it may be renamed or removed later.
        entry: size and SHA-256 that it must have.
        in_memory_bytes: largest file that is copied into memory.

    Raises:
        DamagedIndexError: the file cannot be read, or is not what its entry says.
    """

    def __init__(self, path: Path, entry: FileEntry, in_memory_bytes: int = IN_MEMORY_BYTES) -> None:
        self._path, self._size = path, entry.size_bytes
        self._data: bytes | None = None
        try:
            self._descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError as error:
            raise DamagedIndexError(f"cannot read {path}: {error.strerror}") from error
        weakref.finalize(self, os.close, self._descriptor)
        self._state = self._seen()
        self._require(entry)
        if self._size <= in_memory_bytes:
            self._data = self[:]

    def __len__(self) -> int:
        return self._size

    def __getitem__(self, part: slice) -> bytes:
        """Some bytes; DamagedIndexError if the file was changed since it was checked."""
        if self._data is not None:
            return self._data[part]
        start, stop, _ = part.indices(self._size)
        data = self._read(start, max(stop - start, 0))
        self.require_unchanged()
        return data

    def require_unchanged(self) -> None:
        """Raise DamagedIndexError if the file is not in memory and was changed since it was checked."""
        if self._data is None and self._seen() != self._state:
            raise DamagedIndexError(f"{self._path} was changed while it is in use: start the server again")

    def array(self) -> NDArray[Any]:
        """The array of an NPY file: in memory as the file is, or memory-mapped.

        Raises:
            DamagedIndexError: it is no array of plain numbers.
        """
        try:
            if self._data is not None:
                return np.asarray(np.load(io.BytesIO(self._data), allow_pickle=False))
            # The descriptor, as the path may name another file by now.
            return np.load(f"/dev/fd/{self._descriptor}", mmap_mode="r", allow_pickle=False)  # type: ignore[no-any-return]
        except (OSError, ValueError, EOFError) as error:
            raise DamagedIndexError(f"{self._path} is damaged: {str(error).splitlines()[0]}") from error

    def _seen(self) -> tuple[int, int]:
        state = os.fstat(self._descriptor)
        return state.st_size, state.st_mtime_ns

    def _read(self, start: int, size: int) -> bytes:
        parts = []
        while size > 0:
            part = os.pread(self._descriptor, size, start)
            if not part:
                raise DamagedIndexError(f"{self._path} is shorter than it was: start the server again")
            parts.append(part)
            start, size = start + len(part), size - len(part)
        return b"".join(parts)

    def _require(self, entry: FileEntry) -> None:
        size = self._state[0]
        if size != entry.size_bytes:
            raise DamagedIndexError(f"{self._path} is damaged: expected {entry.size_bytes} bytes, got {size}")
        if size == 0:
            raise DamagedIndexError(f"{self._path} is damaged: it is empty")
        digest = hashlib.sha256()
        for start in range(0, size, _HASHED_BYTES):
            digest.update(self._read(start, min(_HASHED_BYTES, size - start)))
        if digest.hexdigest() != entry.sha256:
            raise DamagedIndexError(f"{self._path} is damaged: its SHA-256 is not the one in {MANIFEST}")
