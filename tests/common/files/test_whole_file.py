"""A file that is written whole: its bytes, what an error leaves, and the order of flushing and renaming."""

import os
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsc_common.files.whole_file import put_in_place, whole_file, write_whole


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@given(pieces=st.lists(st.binary(max_size=100), max_size=5))
def test_it_holds_what_was_written(pieces: list[bytes], tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("whole")
    with whole_file(folder / "a") as file:
        for piece in pieces:
            file.write(piece)
        assert not (folder / "a").exists()
    assert (folder / "a").read_bytes() == b"".join(pieces)
    assert names(folder) == ["a"]


def test_it_replaces_a_file_and_has_usual_permissions(tmp_path: Path) -> None:
    (tmp_path / "plain").write_bytes(b"x")
    (tmp_path / "a").write_bytes(b"old")
    write_whole(tmp_path / "a", b"new")
    assert (tmp_path / "a").read_bytes() == b"new"
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == stat.S_IMODE((tmp_path / "plain").stat().st_mode)


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
@pytest.mark.parametrize("old", [None, b"old"])
def test_an_error_leaves_what_was_there(
    error: type[BaseException], old: bytes | None, tmp_path: Path
) -> None:
    if old is not None:
        (tmp_path / "a").write_bytes(old)

    def interrupted() -> None:
        with whole_file(tmp_path / "a") as file:
            file.write(b"half")
            raise error

    with pytest.raises(error):
        interrupted()
    assert [path.read_bytes() for path in tmp_path.iterdir()] == ([] if old is None else [old])


def test_a_full_disk_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full_disk(_: int) -> None:
        raise OSError(28, "No space left on device")

    (tmp_path / "a").write_bytes(b"old")
    monkeypatch.setattr(os, "fsync", full_disk)
    with pytest.raises(OSError, match="No space left on device"):
        write_whole(tmp_path / "a", b"new")
    assert (tmp_path / "a").read_bytes() == b"old"
    assert names(tmp_path) == ["a"]


def test_a_folder_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        write_whole(tmp_path / "absent" / "a", b"")
    assert names(tmp_path) == []


def test_the_file_is_flushed_before_it_is_renamed_and_its_folder_after(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[str] = []
    flush, rename = os.fsync, os.replace

    def record_flush(descriptor: int) -> None:
        is_folder = stat.S_ISDIR(os.fstat(descriptor).st_mode)
        steps.append("flush folder" if is_folder else f"flush {os.fstat(descriptor).st_size} bytes")
        flush(descriptor)

    def record_rename(source: Path, target: Path) -> None:
        steps.append(f"rename to {Path(target).name}")
        rename(source, target)

    monkeypatch.setattr(os, "fsync", record_flush)
    monkeypatch.setattr(os, "replace", record_rename)
    write_whole(tmp_path / "a", b"12345")
    assert steps == ["flush 5 bytes", "rename to a", "flush folder"]


def test_a_process_that_is_killed_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"old")
    code = (
        "import os, signal, sys; from pathlib import Path\n"
        "from dsc_common.files.whole_file import whole_file\n"
        "with whole_file(Path(sys.argv[1])) as file:\n"
        "    file.write(b'half'); file.flush(); os.kill(os.getpid(), signal.SIGKILL)"
    )
    done = subprocess.run([sys.executable, "-c", code, path], timeout=60, check=False)
    assert done.returncode == -signal.SIGKILL
    assert path.read_bytes() == b"old"
    write_whole(path, b"new")
    assert path.read_bytes() == b"new"


def test_a_finished_file_or_folder_is_put_in_its_place(tmp_path: Path) -> None:
    (tmp_path / "written").write_bytes(b"new")
    (tmp_path / "a").write_bytes(b"old")
    put_in_place(tmp_path / "written", tmp_path / "a")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "file").write_bytes(b"x")
    put_in_place(tmp_path / "folder", tmp_path / "b")
    assert names(tmp_path) == ["a", "b"]
    assert (tmp_path / "a").read_bytes() == b"new"
    assert (tmp_path / "b" / "file").read_bytes() == b"x"


def make_pipe(path: Path) -> None:
    os.mkfifo(path)


def make_link_to_a_pipe(path: Path) -> None:
    os.mkfifo(path.with_name("pipe"))
    path.symlink_to("pipe")  # as /dev/stdout is


def make_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(path))


@pytest.mark.parametrize("make", [make_pipe, make_link_to_a_pipe, make_socket, Path.mkdir])
def test_what_is_no_file_is_not_replaced(
    make: Callable[[Path], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # names of sockets are short
    make(Path("a"))
    before, kind = names(tmp_path), Path("a").lstat().st_mode
    with pytest.raises(OSError, match=r"(not a regular file|Is a directory): 'a'$"):
        write_whole(Path("a"), b"new")
    assert names(tmp_path) == before
    Path("b").write_bytes(b"new")
    with pytest.raises(OSError, match=r"(not a regular file|Is a directory): 'a'$"):
        put_in_place(Path("b"), Path("a"))
    assert Path("a").lstat().st_mode == kind
