"""Horizontal bars of times, each in parts, with the range over the runs."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from matplotlib.axes import Axes

from dsc_eval.plots.bench_runs import COLOURS
from dsc_eval.plots.style import BLACK


@dataclass
class Bar:
    """A bar.

    Attributes:
        label: to its left.
        parts: time of each part, in order.
        total: time of all parts.
        least: the shortest of the runs.
        most: the longest.
    """

    label: str
    parts: dict[str, float] = field(default_factory=dict)
    total: float = 0.0
    least: float = 0.0
    most: float = 0.0


def draw_bars(axes: Axes, bars: Sequence[Bar], unit: str) -> None:
    """Bars from top to bottom, a colour for each part; the legend has an entry for each part."""
    parts = list(dict.fromkeys(part for bar in bars for part in bar.parts))
    colours = {part: COLOURS[number % len(COLOURS)] for number, part in enumerate(parts)}
    for place, bar in enumerate(bars):
        start = 0.0
        for part, time in bar.parts.items():
            axes.barh(place, time, left=start, color=colours[part], height=0.7)
            start += time
        axes.plot([bar.least, bar.most], [place, place], color=BLACK, linewidth=1, marker="|")
        axes.annotate(f"  {bar.total:.3g} {unit}", (max(start, bar.most), place), va="center", fontsize=8)
    for part, colour in colours.items():
        axes.barh(0, 0, color=colour, label=part)
    axes.set_yticks(range(len(bars)), [bar.label for bar in bars])
    axes.invert_yaxis()
    axes.margins(x=0.12)
