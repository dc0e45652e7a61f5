"""A full disk is one line that names the folder, before the work where that is possible."""

import errno
import os
from pathlib import Path

import numpy as np
import pytest

from dsc_common.errors import DscError
from dsc_common.files.room import require_room, room_in, take_room


def full(_descriptor: int, _offset: int, _length: int) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_the_blocks_of_a_file_are_taken_and_its_content_stays(tmp_path: Path) -> None:
    path = tmp_path / "f.npy"
    array = np.lib.format.open_memmap(path, mode="w+", dtype=np.float32, shape=(1000, 1000))
    array[3, 4] = 5
    assert path.stat().st_blocks * 512 < 4_000_000
    take_room(path, path.stat().st_size)
    assert path.stat().st_blocks * 512 >= 4_000_000
    assert array[3, 4] == 5


def test_too_little_room_is_a_line_with_folder_and_size(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "f"
    path.touch()
    monkeypatch.setattr(os, "posix_fallocate", full)
    with (
        pytest.raises(DscError, match=rf"^no space left in {tmp_path}: needs 1,024 MiB more$"),
        room_in(tmp_path),
    ):
        take_room(path, 1 << 30)


def test_a_file_system_that_takes_no_room_ahead_is_used_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cannot(_descriptor: int, _offset: int, _length: int) -> None:
        raise OSError(errno.EOPNOTSUPP, "not supported")

    (tmp_path / "f").touch()
    monkeypatch.setattr(os, "posix_fallocate", cannot)
    take_room(tmp_path / "f", 1 << 20)


@pytest.mark.parametrize(
    ("number", "why"),
    [(errno.ENOSPC, ""), (errno.EDQUOT, ": Disk quota exceeded"), (errno.EFBIG, ": File too large")],
)
def test_a_disk_that_fills_up_later_is_named_by_the_folder(number: int, why: str, tmp_path: Path) -> None:
    with pytest.raises(DscError, match=rf"^no space left in {tmp_path}{why}$"), room_in(tmp_path):
        raise OSError(number, os.strerror(number), "model.onnx", None, "copy.onnx")
    with pytest.raises(PermissionError), room_in(tmp_path):
        raise OSError(errno.EACCES, os.strerror(errno.EACCES), "x")


def test_room_that_is_not_there_is_asked_for_before_writing(tmp_path: Path) -> None:
    require_room(tmp_path, 1)
    line = rf"^no space left in {tmp_path}: needs 1,099,511,627,776 MiB more$"
    with pytest.raises(DscError, match=line), room_in(tmp_path):
        require_room(tmp_path, 1 << 60)
