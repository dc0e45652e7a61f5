"""Work of other processes during a measurement, which makes times too long."""

import os
import time
from dataclasses import dataclass, field
from pathlib import Path

_STAT = Path("/proc/stat")
_IDLE = (3, 4)  # idle, iowait
_COUNTED = 8  # user, nice, system, idle, iowait, irq, softirq, steal; guests are in user already


def busy_seconds(stat: str) -> float | None:
    """Seconds that all cores together were not idle, from the text of /proc/stat."""
    for line in stat.splitlines():
        if line.startswith("cpu "):
            ticks = [int(word) for word in line.split()[1 : 1 + _COUNTED]]
            busy = sum(count for place, count in enumerate(ticks) if place not in _IDLE)
            return busy / os.sysconf("SC_CLK_TCK")
    return None


def all_busy_seconds() -> float | None:
    """Seconds that all cores together were not idle since the start of the machine; None where unknown."""
    return busy_seconds(_stat())


def _stat() -> str:
    try:
        return _STAT.read_text(encoding="ascii")
    except OSError:
        return ""


def _own_seconds() -> float:
    spent = os.times()
    return spent.user + spent.system + spent.children_user + spent.children_system


@dataclass(frozen=True)
class OtherWork:
    """Cores that other processes keep busy, since this was made.

    Attributes:
        since: seconds of a clock.
        busy: seconds of processor time of all processes; None where the system does not count it.
        own: seconds of processor time of this process and of its children that have ended.
    """

    since: float = field(default_factory=time.monotonic)
    busy: float | None = field(default_factory=all_busy_seconds)
    own: float = field(default_factory=_own_seconds)

    def cores(self) -> float | None:
        """Number of cores, on average; None where the system does not count it."""
        busy = all_busy_seconds()
        if busy is None or self.busy is None:
            return None
        others = (busy - self.busy) - (_own_seconds() - self.own)
        return round(max(others, 0.0) / max(time.monotonic() - self.since, 1e-9), 2)
