"""What makes a camera take a photo: an interval, a line on standard input, a file that appears."""

import os
import select
import threading
import time
from collections.abc import Callable
from pathlib import Path

from dsc_common.errors import SettingError
from dsc_device.places import kind_at

POLL_S = 0.2

# Waits for the next photo; False: there is none any more.
Trigger = Callable[[threading.Event], bool]


def every(seconds: float, clock: Callable[[], float] = time.monotonic) -> Trigger:
    """At once, and then after each interval; intervals that a photo took longer than are left out."""
    due_at = clock()

    def wait(stopping: threading.Event) -> bool:
        nonlocal due_at
        stopping.wait(max(due_at - clock(), 0.0))
        due_at = max(due_at + seconds, clock())
        return not stopping.is_set()

    return wait


def on_line(descriptor: int = 0) -> Trigger:
    """For each line; lines that came during a photo count once."""

    def wait(stopping: threading.Event) -> bool:
        while not stopping.is_set():
            if select.select([descriptor], [], [], POLL_S)[0]:
                data = os.read(descriptor, 1 << 16)
                if b"\n" in data or not data:
                    return bool(data)
        return False

    return wait


def require_place(path: Path) -> None:
    """Raise SettingError unless a file can appear at a path, and be removed."""
    if kind_at(path.parent) != "a folder":
        raise SettingError(f"--trigger: expected a file in a folder that exists, got {path}")
    if kind_at(path) == "a folder":
        raise SettingError(f"--trigger: expected a file, got a folder: {path}")


def on_file(path: Path) -> Trigger:
    """Each time that the file appears; it is removed."""

    def wait(stopping: threading.Event) -> bool:
        while not stopping.is_set():
            try:
                path.unlink()
                return True
            except FileNotFoundError:
                stopping.wait(POLL_S)
        return False

    return wait
