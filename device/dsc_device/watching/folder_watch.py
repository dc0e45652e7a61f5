"""Watches folders: events and scans find files, those that are written to their end are taken."""

import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from dsc_device.store.database import NoRoomError
from dsc_device.store.ledger import PhotoState
from dsc_device.store.store import Store
from dsc_device.watching.events import FolderEvents
from dsc_device.watching.scanning import files_in, is_counted
from dsc_device.watching.settling import Settling, stamp_of
from dsc_device.watching.taking import Taken, Taker

LOOK_S = 0.5  # between looks at files that are being written
ROOM_S = 5.0  # between attempts on a full disk
_DROPPED_LINE_S = 60.0


class FolderWatch:
    """Takes the photos of folders.

    Args:
        folders: the folders; one may be absent for a time.
        store: the ledger.
        taker: takes each photo.
        settling: files that wait.
        events: events of the folders.
        say: prints a line for a person.
        recursive: whether folders below count.
        scan_s: seconds between scans.
        skip_existing: photos that a folder has when it is watched first are passed over.
        on_queued: called after each photo that was queued.
        clock: seconds since any moment.
    """

    def __init__(
        self,
        folders: Sequence[Path],
        store: Store,
        taker: Taker,
        settling: Settling,
        events: FolderEvents,
        say: Callable[[str], None],
        *,
        recursive: bool = True,
        scan_s: float = 60.0,
        skip_existing: bool = False,
        on_queued: Callable[[], None] = lambda: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._folders, self._store, self._taker, self._settling = folders, store, taker, settling
        self._events, self._say, self._recursive = events, say, recursive
        self._scan_s, self._skip_existing = scan_s, skip_existing
        self._on_queued, self._clock = on_queued, clock
        self._real: dict[Path, Path] = {}
        self._mentioned: set[str] = set()
        self._dropped, self._dropped_at = 0, -_DROPPED_LINE_S
        self.failed = 0  # photos that cannot be read

    def run(self, stopping: threading.Event) -> None:
        """Watch until `stopping` is set."""
        due_at = self._clock()
        while not stopping.is_set():
            self._events.wake.clear()
            if self._clock() >= due_at or self._events.needs_scan:
                self._events.needs_scan = False
                self.scan()
                due_at = self._clock() + self._scan_s
            self.look()
            self.take_due(stopping)
            wait_s = LOOK_S if len(self._settling) else min(max(due_at - self._clock(), 0.0), 1.0)
            self._events.wake.wait(wait_s)

    def scan(self) -> None:
        """Look for files that are not in the ledger; a folder that is not there is said once."""
        self._real = {folder: folder.resolve() for folder in self._folders}
        self._events.follow(list(self._real.values()))  # before the scan, so that nothing falls in between
        for folder, real in self._real.items():
            if not real.is_dir():
                self._mention(f"note: {folder} is not there; it is scanned when it is")
                continue
            self._mentioned.discard(f"note: {folder} is not there; it is scanned when it is")
            if self._skip_existing and not self._store.is_watched(real):
                self._pass_over(real)
            for path in files_in(real, self._recursive, self._cannot):
                stamp = stamp_of(path)
                if stamp is not None and not self._store.is_known(stamp):
                    self._settling.offer(path, closed=False)
            if not self._store.is_watched(real):
                self._store.mark_watched(real)

    def look(self) -> None:
        """Take in what the events brought."""
        for path, closed in self._events.files():
            if any(is_counted(path, real, self._recursive) for real in self._real.values()):
                self._settling.offer(path, closed=closed)

    def take_due(self, stopping: threading.Event | None = None) -> None:
        """Take the files that are written to their end."""
        for stamp in self._settling.due():
            if stopping is not None and stopping.is_set():
                return
            try:
                taken = self._taker.take(stamp)
            except NoRoomError as error:
                self._settling.offer(stamp.path, closed=True)
                self._mention(f"error: {error}; new photos wait for room")
                if stopping is not None:
                    stopping.wait(ROOM_S)
                return
            if taken is Taken.CHANGED:
                self._settling.offer(stamp.path, closed=False)
            elif taken in (Taken.FAILED, Taken.LOCKED):
                self.failed += 1
            elif taken is Taken.QUEUED:
                self._on_queued()
                self._mention_dropped()

    def _pass_over(self, folder: Path) -> None:
        stamps = [
            stamp
            for path in files_in(folder, self._recursive, self._cannot)
            if (stamp := stamp_of(path)) is not None and not self._store.is_known(stamp)
        ]
        self._store.pass_over(stamps, PhotoState.PASSED)

    def _cannot(self, line: str) -> None:
        self._mention(f"error: {line}")

    def _mention(self, line: str) -> None:
        if line not in self._mentioned:
            self._mentioned.add(line)
            self._say(line)

    def _mention_dropped(self) -> None:
        dropped, now = self._taker.dropped, self._clock()
        if dropped > self._dropped and now - self._dropped_at >= _DROPPED_LINE_S:
            self._say(f"error: the queue is full: its oldest queries are dropped ({dropped:,} by now)")
            self._dropped, self._dropped_at = dropped, now
