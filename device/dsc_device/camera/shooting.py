"""Photos of a camera into the queue: at each trigger one, with further attempts when the camera fails."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from dsc_device.camera.camera import Camera, CameraError
from dsc_device.camera.triggers import Trigger
from dsc_device.store.database import NoRoomError
from dsc_device.watching.settling import stamp_of
from dsc_device.watching.taking import Taken, Taker

ATTEMPTS = 3
PAUSE_S = 1.0


class Shooting:
    """Takes photos until there is no trigger any more.

    Args:
        camera: the camera.
        folder: folder of the photos.
        keep: whether they stay there once they are in the queue.
        taker: puts them into the queue.
        say: prints a line for a person.
        on_queued: called after each photo that was queued.
        now: the time.
    """

    def __init__(
        self,
        camera: Camera,
        folder: Path,
        taker: Taker,
        say: Callable[[str], None],
        *,
        keep: bool = False,
        on_queued: Callable[[], None] = lambda: None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._camera, self._folder, self._taker, self._say = camera, folder, taker, say
        self._keep, self._on_queued, self._now = keep, on_queued, now
        self.asked, self.failed = 0, 0  # triggers, and those without a photo

    def run(self, trigger: Trigger, stopping: threading.Event) -> None:
        """Take a photo at each trigger."""
        self.take_left()
        while trigger(stopping):
            self.asked += 1
            self.failed += not self.shoot(stopping)

    def take_left(self) -> None:
        """Queue the photos that a process left which ended before it could."""
        for path in sorted(self._folder.glob("*.jpg")):
            self._take(path)
        for path in self._folder.glob(".*.part.jpg"):
            path.unlink(missing_ok=True)

    def shoot(self, stopping: threading.Event) -> bool:
        """Take one photo; whether it is in the queue. Each failure gets a line."""
        for attempt in range(ATTEMPTS):
            if attempt and stopping.wait(PAUSE_S):
                break
            path = self._folder / f"{self._now():%Y%m%dT%H%M%S.%f}Z.jpg"
            try:
                self._camera.capture(path)
                if self._take(path):
                    return True
            except (CameraError, NoRoomError) as error:
                self._say(f"error: {error}")
        return False

    def _take(self, path: Path) -> bool:
        stamp = stamp_of(path)
        taken = Taken.CHANGED if stamp is None else self._taker.take(stamp)
        if not self._keep:
            path.unlink(missing_ok=True)
        if taken is Taken.QUEUED:
            self._on_queued()
        return taken in (Taken.QUEUED, Taken.KNOWN)
