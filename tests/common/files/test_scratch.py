"""Arrays beyond memory lie in a file whose blocks are taken at the start."""

import errno
import os
from pathlib import Path

import numpy as np
import pytest

from dsc_common.errors import DscError
from dsc_common.files import scratch
from dsc_common.files.scratch import scratch_array


def test_the_blocks_are_there_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scratch, "MAX_MEMORY_BYTES", 100)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    taken: list[int] = []
    fallocate = os.posix_fallocate

    def record(descriptor: int, start: int, count: int) -> None:
        fallocate(descriptor, start, count)
        taken.append(os.fstat(descriptor).st_blocks * 512)

    monkeypatch.setattr(os, "posix_fallocate", record)
    room = scratch_array((1000, 256), np.float32)
    assert taken
    assert taken[0] >= 4 * 1000 * 256
    assert room.shape == (1000, 256)
    assert not room.any()
    room[999] = 1
    assert room.sum() == 256
    assert list(tmp_path.iterdir()) == []  # no name to be left behind


def test_a_full_disk_is_one_line_at_the_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scratch, "MAX_MEMORY_BYTES", 100)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))

    def full(*_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(DscError, match=rf"^no space left in {tmp_path}: needs 4 MiB more$"):
        scratch_array((1024, 1024), np.float32)


def test_small_arrays_are_in_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scratch, "MAX_MEMORY_BYTES", 96)
    kept, mapped = scratch_array((2, 3, 4), np.float32), scratch_array((2, 3, 9), np.float16)
    assert (type(kept), type(mapped)) == (np.ndarray, np.memmap)
    assert (kept.shape, mapped.shape) == ((2, 3, 4), (2, 3, 9))
    assert (kept.dtype, mapped.dtype) == (np.float32, np.float16)
