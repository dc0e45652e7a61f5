"""Times of calls that are compared: run after run, one contender after the other (A, B, A, B, …)."""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from dsc_common.progress import Track, untracked
from dsc_common.spans import recorded
from dsc_eval.output import Row

Call = Callable[[int], object]  # of an item's number
_Name = TypeVar("_Name")
DIGITS = 4  # of milliseconds


@dataclass(frozen=True, eq=False)
class Times:
    """Times of one contender.

    Attributes:
        wall: (runs, items) float64, seconds.
        cpu: (runs, items) float64, seconds of processor time, of all threads.
    """

    wall: NDArray[np.float64]
    cpu: NDArray[np.float64]

    @property
    def median_ms(self) -> float:
        """Median over items and runs."""
        return 1e3 * float(np.median(self.wall))

    @property
    def per_second(self) -> float:
        """Items per second, one after the other: of each item the median over the runs."""
        return 1.0 / float(np.median(self.wall, axis=0).mean())

    def columns(self) -> Row:
        """Median and 90th percentile over items and runs, the least and largest median of a run, in ms."""
        of_runs = np.median(self.wall, axis=1)
        return {
            "ms": round(self.median_ms, DIGITS),
            "ms_p90": round(1e3 * float(np.quantile(self.wall, 0.9)), DIGITS),
            "ms_min": round(1e3 * float(of_runs.min()), DIGITS),
            "ms_max": round(1e3 * float(of_runs.max()), DIGITS),
            "cpu_ms": round(1e3 * float(np.median(self.cpu)), DIGITS),
            "runs": len(self.wall),
        }


def interleaved(
    calls: Mapping[_Name, Call], items: int, runs: int, track: Track[Any] = untracked
) -> dict[_Name, Times]:
    """Time every contender on every item, `runs` times: in each run all items of the first, of the second, …

    A pass over all items of one contender leaves its data in the processor's caches, as a server that answers
    one query after the other. The caller warms up what is learned or tabulated at a first call.
    """
    times = {name: Times(np.empty((runs, items)), np.empty((runs, items))) for name in calls}
    passes = [(run, name) for run in range(runs) for name in calls]
    for run, name in track(passes, "timing", len(passes)):
        wall, cpu = times[name].wall[run], times[name].cpu[run]
        for item in range(items):
            wall[item], cpu[item] = _timed(calls[name], item)
    return times


def _timed(call: Call, item: int) -> tuple[float, float]:
    """Seconds, and seconds of processor time."""
    start, busy = time.perf_counter(), time.process_time()
    call(item)
    return time.perf_counter() - start, time.process_time() - busy


def step_fractions(call: Call, items: Iterable[int], steps: Sequence[str]) -> dict[str, float]:
    """The fraction of the time that each step takes, of the spans that are recorded in a separate run."""
    with recorded() as spans:
        for item in items:
            call(item)
    whole = sum(spans.seconds.values())
    return {step: spans.seconds.get(step, 0.0) / whole for step in steps}
