"""Files that are being written: due when their writer has closed them, or when they stay as they are."""

import os
from pathlib import Path

import pytest

from dsc_device.watching.settling import Settling


class World:
    """A clock, and what is known of writers."""

    def __init__(self) -> None:
        self.now = 0.0
        self.writes: bool | None = None
        self.settling = Settling(10.0, lambda: self.now, lambda _path: self.writes)

    def due(self) -> list[str]:
        return [stamp.path.name for stamp in self.settling.due()]


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "a.jpg"
    path.write_bytes(b"half")
    return path


@pytest.mark.parametrize("closed", [False, True])
def test_while_a_writer_is_seen_nothing_is_due(closed: bool, world: World, path: Path) -> None:
    world.writes = True
    world.settling.offer(path, closed=closed)
    world.now = 1e6
    assert world.due() == []
    world.writes = False
    assert world.due() == ["a.jpg"]
    assert world.due() == []
    assert len(world.settling) == 0


def test_a_closed_file_is_due_at_once_where_writers_are_not_seen(world: World, path: Path) -> None:
    world.settling.offer(path, closed=True)
    assert world.due() == ["a.jpg"]


def test_a_file_of_a_scan_must_stay_as_it_is(world: World, path: Path) -> None:
    world.settling.offer(path, closed=False)
    world.now = 9
    assert world.due() == []
    with path.open("ab") as file:
        file.write(b"more")
    assert world.due() == []
    world.now = 18.9
    assert world.due() == []
    world.now = 19
    assert world.due() == ["a.jpg"]


def test_a_file_that_grows_for_ever_is_never_due(world: World, path: Path) -> None:
    world.settling.offer(path, closed=False)
    for step in range(50):
        world.now = 9.0 * step
        with path.open("ab") as file:
            file.write(b"x")
        assert world.due() == []


def test_a_change_of_the_same_size_counts(world: World, path: Path) -> None:
    world.settling.offer(path, closed=False)
    world.now = 9
    os.utime(path, ns=(1, 1))
    assert world.due() == []
    world.now = 18
    assert world.due() == []


def test_an_event_may_follow_a_scan(world: World, path: Path) -> None:
    world.settling.offer(path, closed=False)
    assert world.due() == []
    world.settling.offer(path, closed=True)
    world.settling.offer(path, closed=False)
    assert world.due() == ["a.jpg"]


@pytest.mark.parametrize("writes", [False, None])
def test_an_empty_file_has_time_to_be_filled(writes: bool | None, world: World, path: Path) -> None:
    path.write_bytes(b"")
    world.writes = writes
    world.settling.offer(path, closed=True)
    world.now = 9
    assert world.due() == []
    path.write_bytes(b"photo")
    assert world.due() == ["a.jpg"]


@pytest.mark.parametrize("writes", [False, None])
def test_a_file_that_stays_empty_is_due(writes: bool | None, world: World, path: Path) -> None:
    path.write_bytes(b"")
    world.writes = writes
    world.settling.offer(path, closed=True)
    world.now = 10
    assert world.due() == ["a.jpg"]


def test_an_empty_file_can_be_due_at_once_unless_it_has_a_writer(world: World, path: Path) -> None:
    path.write_bytes(b"")
    settling = Settling(10.0, lambda: world.now, lambda _path: world.writes, empty_s=0.0)
    settling.offer(path, closed=False)
    world.writes = True
    assert [*settling.due()] == []
    world.writes = False
    assert [stamp.size for stamp in settling.due()] == [0]


def test_files_that_go_are_no_longer_waited_for(world: World, path: Path) -> None:
    world.settling.offer(path, closed=False)
    world.settling.offer(path.with_name("never there"), closed=True)
    path.unlink()
    assert world.due() == []
    assert len(world.settling) == 0


def test_pipes_and_folders_are_no_photos(world: World, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    world.settling.offer(tmp_path / "pipe", closed=True)
    world.settling.offer(tmp_path, closed=True)
    assert len(world.settling) == 0


def test_the_oldest_comes_first(world: World, tmp_path: Path) -> None:
    for name, time_ns in (("b", 2), ("c", 1), ("a", 3)):
        (tmp_path / name).write_bytes(b"photo")
        os.utime(tmp_path / name, ns=(time_ns, time_ns))
        world.settling.offer(tmp_path / name, closed=True)
    assert world.due() == ["c", "b", "a"]
