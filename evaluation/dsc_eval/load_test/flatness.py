"""Whether memory and descriptors stay flat: the slope of a series, against a tolerance."""

from collections.abc import Sequence

import numpy as np

from dsc_eval.load_test.record import Finding, Track

SETTLES = 0.25  # fraction of the time that is not judged: caches and pools of memory fill
LEAST_GROWTH_MIB = 2.0  # is flat with any amount of memory: pools of memory come in steps
LEAST_GROWTH_DESCRIPTORS = 1.0
_POINTS = 400  # medians of as many intervals, since the slope takes all pairs of points
RULE = (
    f"The first {SETTLES:.0%} of the time is left out. The slope is the median of the slopes between all "
    "pairs of points (Theil and Sen), so single peaks do not matter. Memory is flat if slope × judged time "
    f"is at most the tolerance in percent of the median, or {LEAST_GROWTH_MIB:g} MiB; descriptors, if it is "
    f"less than {LEAST_GROWTH_DESCRIPTORS:g}."
)


def growth(times_s: Sequence[float], values: Sequence[float]) -> tuple[float, float]:
    """Growth over the judged time, and the median of the values in it; 0 growth with fewer than 2 points."""
    times, heights = np.array(times_s, np.float64), np.array(values, np.float64)
    if not times.size:
        return 0.0, 0.0
    judged = times >= times[0] + SETTLES * (times[-1] - times[0])
    times, heights = times[judged], heights[judged]
    if times.size < 2:
        return 0.0, float(np.median(heights))
    slope = _slope(times, heights)
    return float(slope * (times[-1] - times[0])), float(np.median(heights))


def _slope(times: np.ndarray, heights: np.ndarray) -> float:
    from scipy.stats import theilslopes  # noqa: PLC0415 - slow to load

    parts = np.array_split(np.arange(times.size), min(_POINTS, times.size))
    points = [(np.median(times[part]), np.median(heights[part])) for part in parts]
    xs, ys = zip(*points, strict=True)
    return float(theilslopes(ys, xs).slope)


def memory_finding(role: str, track: Track, growth_percent: float) -> Finding:
    """Whether the memory of a process is flat."""
    grown, median = growth(track.times_s, track.rss_mib)
    allowed = max(growth_percent / 100 * median, LEAST_GROWTH_MIB)
    text = f"{median:.1f} MiB, {grown:+.2f} MiB over the judged time; {allowed:.2f} MiB is flat"
    return Finding(f"memory of the {role}", bool(track.times_s) and grown <= allowed, text)


def descriptors_finding(role: str, track: Track) -> Finding:
    """Whether the number of open descriptors of a process is flat."""
    grown, median = growth(track.times_s, track.descriptors)
    text = f"{median:g}, {grown:+.2f} over the judged time"
    return Finding(
        f"descriptors of the {role}", bool(track.times_s) and grown < LEAST_GROWTH_DESCRIPTORS, text
    )
