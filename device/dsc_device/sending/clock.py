"""Whether the clock can judge certificates: a board without a battery starts with a time of the past."""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from dsc_common.errors import UnreachableError

EARLIEST = datetime(2026, 1, 1, tzinfo=UTC)  # before this version was written
TIMESYNC = Path("/run/systemd/timesync")  # the folder of systemd-timesyncd, while it runs


class ClockError(UnreachableError):
    """Certificates are not judged yet."""


class ClockGate:
    """Holds connections with TLS back until the clock has synchronised, or for some time at most.

    Args:
        limit_s: seconds after which certificates are judged in any case.
        timesync: folder with the file `synchronized` once systemd-timesyncd has set the clock; where the
            folder does not exist, another program sets the clock, and its time counts.
        now: the time, in seconds since 1970.
        monotonic: seconds since any moment.
    """

    def __init__(
        self,
        limit_s: float,
        timesync: Path = TIMESYNC,
        now: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._limit_s, self._timesync, self._now, self._monotonic = limit_s, timesync, now, monotonic
        self._begun = monotonic()
        self._is_open = False

    def require(self) -> None:
        """Raise ClockError while the clock has not synchronised; never again once it has, or time is up."""
        if self._is_open:
            return
        fault = self._fault()
        self._is_open = not fault or self._monotonic() - self._begun >= self._limit_s
        if not self._is_open:
            raise ClockError(f"certificates are not judged yet: {fault}")

    def _fault(self) -> str:
        if self._now() < EARLIEST.timestamp():
            return f"the clock shows {datetime.fromtimestamp(self._now(), UTC):%Y-%m-%d}"
        if self._timesync.is_dir() and not (self._timesync / "synchronized").exists():
            return "the clock has not synchronised"
        return ""
