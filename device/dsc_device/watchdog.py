"""A watchdog: calls a function when nothing has happened for some time."""

import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self


class Watchdog:
    """Calls `bark`, in another thread, once `limit_s` seconds pass without `feed`.

    Args:
        limit_s: seconds.
        bark: ends what the watchdog is for.
    """

    def __init__(self, limit_s: float, bark: Callable[[], object]) -> None:
        self._limit_s, self._bark = limit_s, bark
        self._timer: threading.Timer | None = None
        self.has_barked = False

    def feed(self) -> None:
        """Restart the waiting time."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer = threading.Timer(self._limit_s, self._run)
        self._timer.daemon = True
        self._timer.start()

    def _run(self) -> None:
        self.has_barked = True
        self._bark()

    def __enter__(self) -> Self:
        self.feed()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._timer is not None:
            self._timer.cancel()
