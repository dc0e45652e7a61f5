"""How busy the processes of a measurement are while it runs."""

import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from dsc_eval.load.other_work import all_busy_seconds
from dsc_eval.load.processes import Usage, usage

OTHERS = "others"  # role of all other processes of the machine


@dataclass(frozen=True)
class ProcessUse:
    """What a process, with those that it started, took during a measurement.

    Attributes:
        busy: cores that it kept busy, the mean.
        main_thread: fraction of a core that its main thread took, which has the event loop.
        cores: numbers of the cores that it may use.
    """

    busy: float
    main_thread: float
    cores: tuple[int, ...]


@contextmanager
def watched(processes: Mapping[str, int], found: dict[str, ProcessUse]) -> Iterator[None]:
    """Note the use of each process during the block.

    Args:
        processes: their numbers by role; one that ends meanwhile is left out.
        found: what is found, by role, when the block has ended; with that of `OTHERS`.
    """
    before = {role: usage(pid) for role, pid in processes.items()}
    begun, all_before = time.monotonic(), all_busy_seconds()
    yield
    seconds = max(time.monotonic() - begun, 1e-9)
    for role, pid in processes.items():
        first, last = before[role], usage(pid)
        if first is not None and last is not None:
            found[role] = _between(first, last, pid, seconds)
    all_after = all_busy_seconds()
    if all_before is not None and all_after is not None:
        others = (all_after - all_before) / seconds - sum(use.busy for use in found.values())
        found[OTHERS] = ProcessUse(round(max(others, 0.0), 3), 0.0, ())


def _between(first: Usage, last: Usage, pid: int, seconds: float) -> ProcessUse:
    main = last.threads.get(pid, 0.0) - first.threads.get(pid, 0.0)
    busy = (last.cpu_s - first.cpu_s) / seconds
    return ProcessUse(round(busy, 3), round(main / seconds, 3), _cores_of(pid))


def _cores_of(pid: int) -> tuple[int, ...]:
    try:
        return tuple(sorted(os.sched_getaffinity(pid)))
    except OSError:
        return ()
