"""Watched folders: each new photo once, whatever happens to files and folders, and after each restart."""

import contextlib
import os
import shutil
import signal
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dsc_common.features.extractor import Extractor
from dsc_common.radio.link import LinkChoice
from dsc_common.retrieval.options import RetrievalOptions
from dsc_device.store.database import NoRoomError
from dsc_device.store.queue import QueueLimits
from dsc_device.store.store import Store, open_store
from dsc_device.watching.events import FolderEvents
from dsc_device.watching.folder_watch import FolderWatch
from dsc_device.watching.settling import Settling, stamp_of
from dsc_device.watching.taking import Taken, Taker
from dsc_device.watching.writers import ignore_lease_signal

LIMIT_S = 20.0


@pytest.fixture(autouse=True)
def _ignored_signal() -> Iterator[None]:
    before = signal.getsignal(signal.SIGIO)
    ignore_lease_signal()
    yield
    signal.signal(signal.SIGIO, before)


class Watching:
    """A watch of the folder FOLDER/watched, its store, and what it said."""

    def __init__(self, folder: Path, store: Store, model: Path, **options: Any) -> None:
        self.folder, self.store = folder / "watched", store
        self.lines: list[str] = []
        extractor = Extractor.from_file(model, threads=1)
        self.taker = Taker(store, lambda: extractor, LinkChoice(), RetrievalOptions(), self.lines.append)
        self.settling = Settling(0.0)
        self.recursive = options.get("recursive", True)
        self.events = FolderEvents(self.recursive, self.lines.append)
        self.queued = threading.Semaphore(0)
        self.watch = FolderWatch(
            [self.folder],
            store,
            self.taker,
            self.settling,
            self.events,
            self.lines.append,
            on_queued=self.queued.release,
            **options,
        )

    def scan(self) -> list[str]:
        """Scan, take what is due, and return the names in the queue, which is emptied."""
        self.watch.scan()
        self.watch.take_due()
        return self.names()

    def names(self) -> list[str]:
        names = []
        while (waiting := self.store.oldest()) is not None and waiting.entry is not None:
            names.append(str(Path(waiting.entry.name).relative_to(self.folder.resolve())))
            self.store.drop(waiting.number, "tests")
        return names

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        stopping = threading.Event()
        with self.events:
            thread = threading.Thread(target=self.watch.run, args=(stopping,), daemon=True)
            thread.start()
            try:
                yield
            finally:
                stopping.set()
                self.events.wake.set()
                thread.join(LIMIT_S)
        assert not thread.is_alive()

    def wait_for(self, count: int) -> list[str]:
        for _ in range(count):
            assert self.queued.acquire(timeout=LIMIT_S), self.lines
        return sorted(self.names())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "watched").mkdir()
    return tmp_path


@contextlib.contextmanager
def watching(folder: Path, model: Path, **options: Any) -> Iterator[Watching]:
    with open_store(folder / "state", QueueLimits(), print) as store:
        yield Watching(folder, store, model, **options)


def put(photos: Path, number: int, target: Path) -> Path:
    place = photos / ("even" if number % 2 == 0 else "odd") / f"{number:02d}.png"
    return Path(shutil.copyfile(place, target))


def test_each_photo_once_by_scans_and_after_a_restart(folder: Path, photos: Path, tiny_model: Path) -> None:
    one = folder / "watched"
    (one / "below").mkdir()
    put(photos, 0, one / "a.png")
    put(photos, 1, one / "below" / "b.png")
    put(photos, 2, one / ".hidden.png")
    put(photos, 3, one / "c.png.part")
    (one / "text.txt").write_text("no photo")
    with watching(folder, tiny_model) as first:
        assert sorted(first.scan()) == ["a.png", "below/b.png"]
        assert first.scan() == []
        put(photos, 4, one / "d.png")
        assert first.scan() == ["d.png"]
    with watching(folder, tiny_model) as second:
        assert second.scan() == []
        (one / "a.png").rename(one / "e.png")
        assert second.scan() == []
        (one / "c.png.part").rename(one / "c.png")
        put(photos, 0, one / "a copy.png")
        assert sorted(second.scan()) == ["a copy.png", "c.png"]
        os.utime(one / "d.png", ns=(5, 5))
        assert second.scan() == []
        put(photos, 5, one / "d.png")
        assert second.scan() == ["d.png"]
        assert second.lines == []


@pytest.mark.parametrize("year", [1903, 2261, 2300, 2440])
def test_any_time_of_change_will_do(year: int, folder: Path, photos: Path, tiny_model: Path) -> None:
    with watching(folder, tiny_model) as watch:
        photo = put(photos, 0, watch.folder / "a.png")
        time_ns = (year - 1970) * 31_556_952 * 10**9
        os.utime(photo, ns=(time_ns, time_ns))  # as far as the file system goes
        assert watch.scan() == ["a.png"]
        assert watch.scan() == []


def test_folders_below_can_be_left_out(folder: Path, photos: Path, tiny_model: Path) -> None:
    (folder / "watched" / "[b]").mkdir()
    put(photos, 0, folder / "watched" / "[b]" / "a.png")
    put(photos, 1, folder / "watched" / "b.png")
    with watching(folder, tiny_model, recursive=False) as watch:
        assert watch.scan() == ["b.png"]


def test_what_was_there_before_can_be_passed_over(folder: Path, photos: Path, tiny_model: Path) -> None:
    put(photos, 0, folder / "watched" / "old.png")
    with watching(folder, tiny_model, skip_existing=True) as first:
        assert first.scan() == []
        put(photos, 1, folder / "watched" / "new.png")
        assert first.scan() == ["new.png"]
    put(photos, 2, folder / "watched" / "while it was down.png")
    with watching(folder, tiny_model, skip_existing=True) as second:
        assert second.scan() == ["while it was down.png"]


def test_a_photo_that_cannot_be_decoded_is_tried_again_when_it_has_changed(
    folder: Path, photos: Path, tiny_model: Path
) -> None:
    path = put(photos, 0, folder / "watched" / "a.png")
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with watching(folder, tiny_model) as watch:
        assert watch.scan() == watch.scan() == []
        (line,) = watch.lines
        assert line.startswith("error: ")
        assert str(path) in line
        path.write_bytes(whole)
        assert watch.scan() == ["a.png"]
        assert len(watch.lines) == 1


def test_an_empty_photo_is_said_once_and_counted(folder: Path, photos: Path, tiny_model: Path) -> None:
    with watching(folder, tiny_model) as watch:
        watch.settling = watch.watch._settling = Settling(0.0, empty_s=0.0)
        empty = watch.folder / "a.png"
        empty.touch()
        (watch.folder / "notes.txt").touch()
        assert watch.scan() == []
        assert watch.scan() == []
        assert watch.lines == [f"error: expected a photo, got an empty file: {empty.resolve()}"]
        assert watch.watch.failed == 1
        put(photos, 1, empty)
        assert watch.scan() == ["a.png"]


def test_a_half_written_photo_is_not_read(folder: Path, photos: Path, tiny_model: Path) -> None:
    whole = (photos / "even" / "00.png").read_bytes()
    path = folder / "watched" / "a.png"
    with watching(folder, tiny_model) as watch, path.open("wb", buffering=0) as file:
        for part in (whole[:30], whole[30:60], whole[60:]):
            file.write(part)
            watch.watch.scan()
            watch.watch.take_due()
            assert watch.names() == []
        file.close()
        assert watch.scan() == ["a.png"]
        assert watch.lines == []


def test_a_photo_that_changes_while_it_is_read_is_looked_at_again(
    folder: Path, photos: Path, tiny_model: Path
) -> None:
    path = put(photos, 0, folder / "watched" / "a.png")
    with watching(folder, tiny_model) as watch:
        stamp = stamp_of(path)
        assert stamp is not None
        extractor = Extractor.from_file(tiny_model, threads=1)

        class Slow:
            info = extractor.info

            def extract(self, read: Path) -> Any:
                extraction = extractor.extract(read)
                put(photos, 1, path)
                return extraction

        slow = Taker(watch.store, Slow, LinkChoice(), RetrievalOptions(), print)  # type: ignore[arg-type]
        assert slow.take(stamp) is Taken.CHANGED
        assert watch.scan() == ["a.png"]
        assert watch.scan() == []


def test_a_folder_that_goes_and_comes_back_has_no_new_photos(
    folder: Path, photos: Path, tiny_model: Path
) -> None:
    put(photos, 0, folder / "watched" / "a.png")
    with watching(folder, tiny_model) as watch:
        assert watch.scan() == ["a.png"]
        (folder / "watched").rename(folder / "away")
        assert watch.scan() == watch.scan() == []
        assert watch.lines == [f"note: {folder / 'watched'} is not there; it is scanned when it is"]
        (folder / "away").rename(folder / "watched")
        put(photos, 1, folder / "watched" / "b.png")
        assert watch.scan() == ["b.png"]


def test_links_are_followed_and_each_file_counts_once(folder: Path, photos: Path, tiny_model: Path) -> None:
    put(photos, 0, folder / "outside.png")
    (folder / "watched" / "link.png").symlink_to(folder / "outside.png")
    (folder / "watched" / "again.png").symlink_to(folder / "outside.png")
    (folder / "watched" / "loop").symlink_to(folder / "watched")
    (folder / "watched" / "broken.png").symlink_to(folder / "nothing")
    with watching(folder, tiny_model) as watch:
        assert watch.scan() == ["again.png"]
        assert watch.scan() == []


def test_a_file_that_cannot_be_opened_is_said_once_and_taken_when_it_can(
    folder: Path, photos: Path, tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = put(photos, 0, folder / "watched" / "a.png")

    def refuse(_path: Path) -> bytes:
        raise PermissionError(13, "Permission denied")

    with watching(folder, tiny_model) as watch:
        with monkeypatch.context() as patch:
            patch.setattr("dsc_device.watching.taking.content_of", refuse)
            assert watch.scan() == watch.scan() == []
        assert watch.lines == [f"error: cannot read {path}: Permission denied"]
        assert watch.scan() == ["a.png"]


def test_without_room_photos_wait(
    folder: Path, photos: Path, tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(3):
        put(photos, number, folder / "watched" / f"{number}.png")

    def full(*_arguments: object) -> int:
        raise NoRoomError("cannot write device.sqlite: database or disk is full")

    with watching(folder, tiny_model) as watch:
        with monkeypatch.context() as patch:
            patch.setattr(watch.store, "add", full)
            assert watch.scan() == watch.scan() == []
        assert watch.lines == [
            "error: cannot write device.sqlite: database or disk is full; new photos wait for room"
        ]
        assert watch.scan() == ["0.png", "1.png", "2.png"]


def test_a_full_queue_is_said(folder: Path, photos: Path, tiny_model: Path) -> None:
    for number in range(5):
        put(photos, number, folder / "watched" / f"{number}.png")
    with open_store(folder / "state", QueueLimits(queries=2), print) as store:
        watch = Watching(folder, store, tiny_model)
        assert watch.scan() == ["3.png", "4.png"]
        assert watch.lines == ["error: the queue is full: its oldest queries are dropped (1 by now)"]
        assert store.counts()["dropped_full"] == 3


def test_events_bring_photos_without_a_scan(folder: Path, photos: Path, tiny_model: Path) -> None:
    pytest.importorskip("watchdog")
    one = folder / "watched"
    with watching(folder, tiny_model, scan_s=3600.0) as watch, watch.running():
        while not watch.events._observers:  # the first scan
            time.sleep(0.01)
        put(photos, 0, one / "closed.png")
        assert watch.wait_for(1) == ["closed.png"]
        put(photos, 1, folder / "elsewhere.png")
        (folder / "elsewhere.png").rename(one / "moved in.png")
        assert watch.wait_for(1) == ["moved in.png"]
        put(photos, 2, one / ".d.png.tmp")
        (one / ".d.png.tmp").rename(one / "d.png")
        assert watch.wait_for(1) == ["d.png"]
        (one / "new" / "below").mkdir(parents=True)
        put(photos, 3, one / "new" / "below" / "e.png")
        assert watch.wait_for(1) == ["new/below/e.png"]
        (one / "new").rename(one / "renamed")
        put(photos, 4, one / "renamed" / "below" / "f.png")
        assert watch.wait_for(1) == ["renamed/below/f.png"]
        (folder / "outside").mkdir()
        put(photos, 5, folder / "outside" / "g.png")
        (folder / "outside").rename(one / "inside")
        assert watch.wait_for(1) == ["inside/g.png"]
    assert watch.lines == []


def test_a_folder_that_was_made_again_is_followed_again(folder: Path, photos: Path, tiny_model: Path) -> None:
    pytest.importorskip("watchdog")
    with watching(folder, tiny_model) as watch, watch.events:
        assert watch.scan() == []
        shutil.rmtree(folder / "watched")
        watch.scan()
        (folder / "watched").mkdir()
        watch.scan()
        put(photos, 0, folder / "watched" / "a.png")
        ends = time.monotonic() + LIMIT_S
        while not len(watch.settling) and time.monotonic() < ends:
            watch.events.wake.wait(1.0)
            watch.watch.look()
        watch.watch.take_due()
        assert watch.names() == ["a.png"]


def test_without_the_extra_there_are_scans(
    folder: Path, photos: Path, tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "watchdog", None)
    put(photos, 0, folder / "watched" / "a.png")
    with watching(folder, tiny_model) as watch, watch.events:
        assert watch.scan() == ["a.png"]
        assert watch.lines == ["note: folders are only scanned: the extra `watch` is not installed"]
