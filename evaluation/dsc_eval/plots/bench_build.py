"""Seconds to build, from build.json and build-….json: an index by phase, and sub-codebooks beside Faiss."""

from collections.abc import Sequence
from pathlib import Path

from matplotlib.axes import Axes

from dsc_eval.bench.record import read_runs
from dsc_eval.plots.bench_bars import Bar, draw_bars
from dsc_eval.plots.bench_runs import Point, machine_note, suffix_of
from dsc_eval.plots.style import new_figure, save

ALL = "all"
PARTS = ("index", "sub-codebooks")


def plot(results: Path) -> list[Path]:
    """results/build.json, and any build-….json beside it → PNG and SVG."""
    runs = read_runs(results, "build")
    points = [
        {**row, "run": suffix_of(run, "build")} for run, record in runs.items() for row in record["rows"]
    ]
    bars = {part: _bars([point for point in points if point["part"] == part]) for part in PARTS}
    shown = {part: of_part for part, of_part in bars.items() if of_part}
    heights = [len(of_part) + 1.5 for of_part in shown.values()]
    figure = new_figure(9, 0.32 * sum(heights) + 1.0)
    panels = figure.subplots(len(shown), 1, squeeze=False, height_ratios=heights)[:, 0]
    for axes, (part, of_part) in zip(panels, shown.items(), strict=True):
        _draw(axes, part, of_part)
    figure.suptitle(machine_note(next(iter(runs.values()))), fontsize=9)
    return save(figure, results, "build")


def _draw(axes: Axes, part: str, bars: Sequence[Bar]) -> None:
    draw_bars(axes, bars, "s")
    axes.set_xlabel(f"{part}: median seconds; black: range over the runs")
    axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), fontsize=8)


def _bars(points: Sequence[Point]) -> list[Bar]:
    bars: dict[tuple[int, str, str], Bar] = {}
    for point in points:
        key = (int(point["database"]), point["system"], point["run"])
        error = f", error {point['error']:.4f}" if "error" in point else ""
        label = f"{point['system']}, {point['database']:,} images{error}{point['run']}"
        bar = bars.setdefault(key, Bar(label))
        if point["phase"] == ALL or "error" in point:
            bar.total, bar.least, bar.most = point["s"], point["s_min"], point["s_max"]
        if point["phase"] != ALL:
            bar.parts[point["phase"]] = point["s"]
    return [bars[key] for key in sorted(bars)]
