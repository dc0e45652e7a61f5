"""Files of a served index: what is read stays what was checked, whatever happens to the files."""

import hashlib
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from dsc_common.errors import DamagedIndexError
from dsc_server.index.kept_file import KeptFile
from dsc_server.index.manifest import FileEntry

DATA = bytes(range(256)) * 300
ALL, NONE = len(DATA), 0
both = pytest.mark.parametrize("in_memory_bytes", [ALL, NONE])


def entry_of(data: bytes) -> FileEntry:
    return FileEntry(size_bytes=len(data), sha256=hashlib.sha256(data).hexdigest())


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "model.onnx"
    file.write_bytes(DATA)
    return file


def truncate(path: Path) -> None:
    os.truncate(path, 100)


def overwrite(path: Path) -> None:
    with path.open("r+b") as file:
        file.write(b"other")
    os.utime(path, ns=(0, 0))  # clocks of file systems are coarse


def append(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"more")


def replace(path: Path) -> None:
    other = path.with_name("other")
    other.write_bytes(b"other")
    other.replace(path)


Change = Callable[[Path], None]


@both
@pytest.mark.parametrize("part", [slice(None), slice(0, 10), slice(70_000, 80_000), slice(10**6, 10**7)])
def test_parts_are_those_of_the_bytes(path: Path, part: slice, in_memory_bytes: int) -> None:
    file = KeptFile(path, entry_of(DATA), in_memory_bytes)
    assert len(file) == len(DATA)
    assert file[part] == DATA[part]


@both
@pytest.mark.parametrize("change", [replace, Path.unlink])
def test_a_file_that_is_replaced_or_removed_is_read_on(
    path: Path, change: Change, in_memory_bytes: int
) -> None:
    file = KeptFile(path, entry_of(DATA), in_memory_bytes)
    change(path)
    file.require_unchanged()
    assert file[:] == DATA


@pytest.mark.parametrize("change", [truncate, overwrite, append])
def test_a_change_in_place_is_an_error_of_a_large_file(path: Path, change: Change) -> None:
    file = KeptFile(path, entry_of(DATA), NONE)
    change(path)
    for read in (file.require_unchanged, lambda: file[:], lambda: file[50:200]):
        with pytest.raises(DamagedIndexError, match=r"model\.onnx .*start the server again"):
            read()


@pytest.mark.parametrize("change", [truncate, overwrite, append])
def test_a_change_in_place_does_not_reach_a_small_file(path: Path, change: Change) -> None:
    file = KeptFile(path, entry_of(DATA), ALL)
    change(path)
    file.require_unchanged()
    assert file[:] == DATA


@both
@pytest.mark.parametrize(
    ("data", "entry", "line"),
    [
        (b"short", entry_of(DATA), "expected 76800 bytes, got 5"),
        (b"", entry_of(b""), "it is empty"),
        (DATA[:-1] + b"x", entry_of(DATA), "its SHA-256 is not the one in"),
    ],
)
def test_a_file_that_is_not_its_entry_is_refused(
    path: Path, data: bytes, entry: FileEntry, line: str, in_memory_bytes: int
) -> None:
    path.write_bytes(data)
    with pytest.raises(DamagedIndexError, match=line):
        KeptFile(path, entry, in_memory_bytes)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DamagedIndexError, match=r"cannot read .*none: No such file"):
        KeptFile(tmp_path / "none", entry_of(DATA))


@both
def test_the_array_of_a_file(tmp_path: Path, in_memory_bytes: int) -> None:
    path, array = tmp_path / "features.npy", np.arange(12, dtype=np.float32).reshape(3, 4)
    np.save(path, array)
    file = KeptFile(path, entry_of(path.read_bytes()), in_memory_bytes)
    replace(path)
    loaded = file.array()
    assert isinstance(loaded, np.memmap) == (in_memory_bytes == NONE)
    np.testing.assert_array_equal(loaded, array)


def test_the_descriptor_closes_with_the_object(path: Path) -> None:
    file = KeptFile(path, entry_of(DATA), NONE)
    link = Path(f"/proc/self/fd/{file._descriptor}")
    assert link.readlink() == path
    del file
    assert not link.is_symlink() or link.readlink() != path
