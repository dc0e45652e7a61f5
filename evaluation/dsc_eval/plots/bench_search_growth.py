"""How search grows with the database, from search.json and search-….json: a panel for each SNR."""

from collections.abc import Iterator, Sequence
from math import isinf
from pathlib import Path

from matplotlib.axes import Axes

from dsc_eval.bench.record import read_runs
from dsc_eval.bench.same_accuracy import TOLERANCE
from dsc_eval.plots.bench_runs import Point, machine_note, suffix_of
from dsc_eval.plots.style import BLUE, GREY, ORANGE, VERMILION, new_figure, save

AS_ACCURATE = "faiss IVFPQ, fastest point with that mAP"


def plot(results: Path) -> list[Path]:
    """results/search.json, and any search-….json beside it → PNG and SVG; none with a single database."""
    runs = read_runs(results, "search")
    points = [{**row, "run": run} for run, record in runs.items() for row in record["rows"]]
    if len({point["database"] for point in points}) < 2:
        return []
    snrs = list(dict.fromkeys(float(point["snr_db"]) for point in points))
    figure = new_figure(3.6 * len(snrs) + 0.4, 3.9)
    panels = figure.subplots(1, len(snrs), squeeze=False)[0]
    for snr_db, axes in zip(snrs, panels, strict=True):
        _draw(axes, [point for point in points if float(point["snr_db"]) == snr_db])
        axes.set_title("no noise" if isinf(snr_db) else f"{snr_db:g} dB", fontsize=8)
        axes.set_xlabel("images in the database")
    panels[0].set_ylabel("median time of one query (ms)")
    figure.suptitle(machine_note(next(iter(runs.values()))), fontsize=9)
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=1, fontsize=8)
    return save(figure, results, "search-growth")


def _draw(axes: Axes, points: Sequence[Point]) -> None:
    axes.set_xscale("log")
    axes.set_yscale("log")
    names = list(dict.fromkeys(point["run"] for point in points))
    for number, run in enumerate(names):
        own = [point for point in points if point["run"] == run and point["setting"] == "default"]
        system = own[0]["system"] if own else ""
        colour = VERMILION if number == 0 else ORANGE
        _line(axes, own, colour, "*", f"{system}, default{suffix_of(run, 'search')}")
    sizes = sorted({int(point["database"]) for point in points})
    axes.set_xticks(sizes, [f"{size:,}" for size in sizes], rotation=30, ha="right")
    axes.minorticks_off()
    first = [point for point in points if point["run"] == names[0]]
    _line(axes, list(_as_accurate(first)), BLUE, "s", AS_ACCURATE)
    _line(axes, [point for point in first if point["system"] == "faiss PQ"], GREY, "x", "faiss PQ")


def _as_accurate(points: Sequence[Point]) -> Iterator[Point]:
    """Of each database the fastest point of Faiss whose mAP is that of our default, or better."""
    for own in (point for point in points if point["setting"] == "default"):
        others = [
            point
            for point in points
            if point["system"] == "faiss IVFPQ"
            and point["database"] == own["database"]
            and float(point["mAP"]) >= float(own["mAP"]) - TOLERANCE
        ]
        if others:
            yield max(others, key=lambda point: float(point["per_second"]))


def _line(axes: Axes, points: Sequence[Point], colour: str, marker: str, label: str) -> None:
    ordered = sorted(points, key=lambda point: int(point["database"]))
    axes.plot(
        [int(point["database"]) for point in ordered],
        [float(point["ms"]) for point in ordered],
        color=colour,
        marker=marker,
        linewidth=1.2,
        label=label,
    )
