"""A value of files: read once, again after each change, and after a failure as soon as it can be."""

import os
from pathlib import Path

import pytest

from dsc_common.files.followed import Followed
from dsc_common.files.whole_file import write_whole


def test_it_is_read_again_when_a_file_was_replaced_or_written_and_only_then(tmp_path: Path) -> None:
    first, second = tmp_path / "a", tmp_path / "b"
    first.write_text("1")
    second.write_text("2")
    read: list[str] = []

    def both() -> str:
        read.append(first.read_text() + second.read_text())
        return read[-1]

    followed = Followed([first, second], both)
    assert [followed.current() for _ in range(3)] == ["12"] * 3
    write_whole(second, b"3")  # as large as before
    assert [followed.current() for _ in range(3)] == ["13"] * 3
    first.write_text("4444")
    assert followed.current() == "44443"
    os.utime(first, ns=(1, 1))
    assert followed.current() == "44443"
    assert read == ["12", "13", "44443", "44443"]


def test_a_failure_is_raised_until_the_value_can_be_read(tmp_path: Path) -> None:
    path = tmp_path / "a"
    followed = Followed([path], path.read_text)
    for _ in range(2):
        with pytest.raises(FileNotFoundError):
            followed.current()
    path.write_text("1")
    assert followed.current() == "1"
    path.unlink()
    with pytest.raises(FileNotFoundError):
        followed.current()


def test_a_failure_that_passes_without_a_change_of_the_file_is_tried_again(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_text("1")
    failures = [OSError("too many open files")]

    def read() -> str:
        if failures:
            raise failures.pop()
        return path.read_text()

    followed = Followed([path], read)
    with pytest.raises(OSError, match="too many"):
        followed.current()
    assert followed.current() == "1"
