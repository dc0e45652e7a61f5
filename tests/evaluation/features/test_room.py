"""Features beyond memory lie in a file whose blocks are taken at the start."""

import errno
import os
from pathlib import Path

import pytest

from dsc_common.errors import DscError
from dsc_eval.features import benchmark_features
from dsc_eval.features.benchmark_features import room_for


def test_the_blocks_are_there_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(benchmark_features, "MAX_MEMORY_BYTES", 100)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    taken: list[int] = []
    fallocate = os.posix_fallocate

    def record(descriptor: int, start: int, count: int) -> None:
        fallocate(descriptor, start, count)
        taken.append(os.fstat(descriptor).st_blocks * 512)

    monkeypatch.setattr(os, "posix_fallocate", record)
    room = room_for(1000, 256)
    assert taken
    assert taken[0] >= 4 * 1000 * 256
    assert room.shape == (1000, 256)
    assert not room.any()
    room[999] = 1
    assert room.sum() == 256
    assert list(tmp_path.iterdir()) == []  # no name to be left behind


def test_a_full_disk_is_one_line_at_the_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(benchmark_features, "MAX_MEMORY_BYTES", 100)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))

    def full(*_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(DscError, match=rf"^no space left in {tmp_path}: needs 4 MiB more$"):
        room_for(1024, 1024)
