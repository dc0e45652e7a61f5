"""Events of watched folders, with the package watchdog: closed and moved files, new folders."""

import contextlib
import logging
import os
import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from watchdog.observers.api import BaseObserver

NO_EVENTS = "folders are only scanned: the extra `watch` is not installed"


class FolderEvents:
    """Follows folders; a context manager. Without watchdog, or where it fails, there are no events.

    Args:
        recursive: whether folders below count.
        say: prints a line for a person.
        enabled: whether there are events at all.
    """

    def __init__(self, recursive: bool, say: Callable[[str], None], *, enabled: bool = True) -> None:
        self._recursive, self._say, self._enabled = recursive, say, enabled
        self._observers: dict[Path, tuple[tuple[int, int], BaseObserver | None]] = {}
        self._files: queue.SimpleQueue[tuple[Path, bool]] = queue.SimpleQueue()
        self._mentioned: set[str] = set()
        self.wake = threading.Event()
        self.needs_scan = False

    def follow(self, folders: Sequence[Path]) -> None:
        """Follow these folders; one that was mounted or made again is followed again."""
        if not self._enabled:
            return
        identities = {folder: identity for folder in folders if (identity := _identity(folder)) is not None}
        for folder, (identity, observer) in list(self._observers.items()):
            if identities.get(folder) != identity:
                _stop(observer)
                del self._observers[folder]
        for folder, identity in identities.items():
            if folder not in self._observers:
                self._observers[folder] = (identity, self._observe(folder))

    def files(self) -> Iterator[tuple[Path, bool]]:
        """What came since the last call: (path, whether its writer closed it or it was moved here)."""
        with contextlib.suppress(queue.Empty):
            while True:
                yield self._files.get_nowait()

    def _observe(self, folder: Path) -> "BaseObserver | None":
        try:
            from watchdog import events  # noqa: PLC0415 (an extra)
            from watchdog.observers import Observer  # noqa: PLC0415
        except ImportError:
            self._mention(NO_EVENTS)
            return None
        logging.getLogger("watchdog").setLevel(logging.CRITICAL)
        kinds: list[type[events.FileSystemEvent]] = [
            *(events.FileClosedEvent, events.FileMovedEvent, events.FileCreatedEvent),
            *(events.DirCreatedEvent, events.DirMovedEvent),
        ]
        observer = Observer()
        try:
            observer.start()
            handler: Any = _Handler(self._came)  # its base class is part of the extra
            observer.schedule(handler, str(folder), recursive=self._recursive, event_filter=kinds)
        except OSError as error:
            _stop(observer)
            self._mention(f"folders are only scanned: {error.strerror}: {folder}")
            return None
        return observer

    def _came(self, event: Any) -> None:  # noqa: ANN401 (an event of an extra)
        if event.is_directory:
            self.needs_scan = True
        else:
            moved = event.event_type == "moved"
            path = Path(os.fsdecode(event.dest_path if moved else event.src_path))
            self._files.put((path, event.event_type != "created"))
        self.wake.set()

    def _mention(self, line: str) -> None:
        if line not in self._mentioned:
            self._mentioned.add(line)
            self._say(f"note: {line}")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for _, observer in self._observers.values():
            _stop(observer)
        self._observers.clear()


class _Handler:
    """What watchdog calls for each event."""

    def __init__(self, call: Callable[[Any], None]) -> None:
        self.dispatch = call


def _identity(folder: Path) -> tuple[int, int] | None:
    try:
        status = folder.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


def _stop(observer: "BaseObserver | None") -> None:
    if observer is not None:
        with contextlib.suppress(RuntimeError, OSError):
            observer.stop()
            observer.join(1.0)
