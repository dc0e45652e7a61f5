"""Results in a file: each line once and whole, after a crash in the middle of it, and when rotated."""

import errno
import os
import shutil
from pathlib import Path

import pytest

from dsc_common.errors import InvalidInputError
from dsc_device.results import results_file
from dsc_device.results.results_file import ResultsFile
from dsc_device.results.writing import AnswerWriter
from dsc_device.store.outbox import Line
from dsc_device.store.queue import QueueLimits
from dsc_device.store.store import ANSWERED, open_store
from helpers.queued import entry_of

FIRST, LINE = b'{"a": 1}\n', b'{"b": [2, 3]}\n'


def no_move(line: Line) -> None:
    raise AssertionError(line)


def begun(tmp_path: Path, written: bytes) -> tuple[ResultsFile, Line]:
    """A file with one line, and a part of a second whose place is known."""
    results = ResultsFile(tmp_path / "results.jsonl")
    results.write(Line(FIRST, results.place()), no_move)
    line = Line(LINE, results.place())
    with results.path.open("ab") as file:
        file.write(written)
    return results, line


@pytest.mark.parametrize("count", range(len(LINE) + 1))
def test_a_line_of_which_any_part_is_written_is_completed(count: int, tmp_path: Path) -> None:
    results, line = begun(tmp_path, LINE[:count])
    results.write(line, no_move)
    assert results.path.read_bytes() == FIRST + LINE


@pytest.mark.parametrize("count", [0, 4])
def test_zeros_of_a_power_cut_are_replaced(count: int, tmp_path: Path) -> None:
    results, line = begun(tmp_path, LINE[:count].ljust(len(LINE), b"\0"))
    results.write(line, no_move)
    assert results.path.read_bytes() == FIRST + LINE


@pytest.mark.parametrize("count", [0, 4, len(LINE)])
def test_a_file_that_was_moved_away_gets_the_rest_of_its_line(count: int, tmp_path: Path) -> None:
    results, line = begun(tmp_path, LINE[:count])
    results.path.rename(tmp_path / "results.jsonl.1")
    results.write(line, no_move)
    assert (tmp_path / "results.jsonl.1").read_bytes() == FIRST + LINE
    results.write(Line(LINE, results.place()), no_move)
    assert results.path.read_bytes() == LINE


def test_a_line_in_a_copy_of_an_emptied_file_is_not_written_again(tmp_path: Path) -> None:
    results, line = begun(tmp_path, LINE)
    shutil.copy(results.path, tmp_path / "results.jsonl-20260101")
    os.truncate(results.path, 0)
    results.write(line, no_move)
    assert results.path.read_bytes() == b""


@pytest.mark.parametrize("how", ["emptied", "removed", "replaced", "grown"])
def test_a_line_whose_place_is_gone_gets_another_first(how: str, tmp_path: Path) -> None:
    results, line = begun(tmp_path, b"")
    before = b""
    if how == "emptied":
        os.truncate(results.path, 0)
    elif how == "grown":
        before = FIRST + b"of another program\n"
        results.path.write_bytes(before)
    else:
        results.path.unlink()
        if how == "replaced":
            before = b"another\n"
            results.path.write_bytes(before)
    moved: list[Line] = []

    def move(line: Line) -> None:
        assert not results.path.exists() or results.path.read_bytes() == before
        moved.append(line)

    results.write(line, move)
    assert results.path.read_bytes() == before + LINE
    assert [(each.text, each.place.offset) for each in moved] == [(LINE, len(before))]


def test_half_a_line_of_another_program_is_ended(tmp_path: Path) -> None:
    results = ResultsFile(tmp_path / "results.jsonl")
    results.path.write_bytes(b"half")
    results.write(Line(LINE, results.place()), no_move)
    assert results.path.read_bytes() == b"half\n" + LINE


def test_a_file_that_is_removed_during_the_write_is_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    results = ResultsFile(tmp_path / "results.jsonl")
    line = Line(LINE, results.place())
    write = os.write

    def write_and_remove(descriptor: int, data: bytes) -> int:
        results.path.unlink()
        return write(descriptor, data)

    with monkeypatch.context() as patch:
        patch.setattr(results_file.os, "write", write_and_remove)
        with pytest.raises(OSError, match="removed while a line was written"):
            results.write(line, no_move)
    results.write(line, lambda _line: None)
    assert results.path.read_bytes() == LINE


@pytest.mark.parametrize("name", ["results[1].jsonl", "r*.jsonl", "r?"])
def test_names_are_no_patterns(name: str, tmp_path: Path) -> None:
    results = ResultsFile(tmp_path / name)
    line = Line(LINE, results.place())
    results.write(line, no_move)
    results.path.rename(f"{results.path}.1")
    results.write(line, no_move)
    assert not results.path.exists()


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(InvalidInputError, match="expected a regular file for results, got"):
        ResultsFile(tmp_path / "pipe").check()
    with pytest.raises(FileNotFoundError):
        ResultsFile(tmp_path / "absent" / "results").check()


def test_a_full_disk_in_mid_line_is_made_good_later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    results = ResultsFile(tmp_path / "results.jsonl")
    write = os.write

    def write_a_part(descriptor: int, data: bytes) -> int:
        if len(data) < 8:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return write(descriptor, data[:3])

    with open_store(tmp_path / "state", QueueLimits(), print) as store:
        store.add(entry_of("a"))
        waiting = store.oldest()
        assert waiting is not None
        writer = AnswerWriter(store, results)
        with monkeypatch.context() as patch:
            patch.setattr(results_file.os, "write", write_a_part)
            with pytest.raises(OSError, match="No space left"):
                writer.write(waiting.number, LINE.decode().strip(), ANSWERED)
            with pytest.raises(OSError, match="No space left"):
                writer.finish()
        assert 0 < results.path.stat().st_size < len(LINE)
        assert store.oldest() is None
    with open_store(tmp_path / "state", QueueLimits(), print) as store:
        AnswerWriter(store, results).settle()
        assert results.path.read_bytes() == LINE
        results.path.unlink()
        AnswerWriter(store, results).settle()
        assert not results.path.exists()
