"""Files with a writer are seen, also when they are mapped into memory, on file systems with leases."""

import mmap
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from dsc_device.watching import writers
from dsc_device.watching.writers import has_writer, ignore_lease_signal


@pytest.fixture(autouse=True)
def _ignored_signal() -> Iterator[None]:
    before = signal.getsignal(signal.SIGIO)
    ignore_lease_signal()
    yield
    signal.signal(signal.SIGIO, before)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "photo.jpg"
    path.write_bytes(b"photo")
    if has_writer(path) is None:
        pytest.skip("no leases on this file system")
    return path


def test_a_writer_is_seen_until_it_closes(path: Path) -> None:
    assert has_writer(path) is False
    with path.open("r+b") as file:
        assert has_writer(path) is True
        file.write(b"more")
    assert has_writer(path) is False


def test_readers_do_not_count(path: Path) -> None:
    with path.open("rb"):
        assert has_writer(path) is False


def test_a_mapped_file_has_a_writer(path: Path) -> None:
    with path.open("r+b") as file:
        mapped = mmap.mmap(file.fileno(), 5)
    assert has_writer(path) is True
    mapped.close()
    assert has_writer(path) is False


def test_what_is_no_file_is_not_known(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert has_writer(tmp_path / "pipe") is None
    assert has_writer(tmp_path / "absent") is None
    assert has_writer(tmp_path) is None


def test_file_systems_of_other_machines_have_no_leases(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    status = path.stat()
    line = f"36 35 {os.major(status.st_dev)}:{os.minor(status.st_dev)} / /mnt rw shared:1 - {{}} host:/x rw\n"
    mounts = path.with_name("mounts")
    monkeypatch.setattr(writers, "_MOUNTS", mounts)
    for kind, expected in (("ext4", False), ("nfs4", None), ("cifs", None), ("fuse.sshfs", None)):
        mounts.write_text(line.format(kind))
        assert has_writer(path) is expected, kind


def test_a_writer_that_comes_at_the_same_moment_ends_nothing(path: Path) -> None:
    ends = time.monotonic() + 0.3
    child = os.fork()
    if child == 0:
        while time.monotonic() < ends:
            os.close(os.open(path, os.O_WRONLY))
        os._exit(0)
    while time.monotonic() < ends:
        has_writer(path)
    assert os.waitpid(child, 0)[1] == 0
