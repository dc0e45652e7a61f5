"""mAP against queries per second, from search.json and search-….json: a panel per database and SNR."""

from collections.abc import Sequence
from math import isinf
from pathlib import Path

from matplotlib.axes import Axes

from dsc_eval.bench.record import read_runs
from dsc_eval.plots.bench_runs import Point, machine_note, suffix_of
from dsc_eval.plots.style import (
    BLUE,
    GREY,
    MAP_LABEL,
    ORANGE,
    PURPLE,
    SKY,
    VERMILION,
    new_figure,
    save,
    simulated_note,
)

PANEL = 3.4  # inches
FAISS = {"faiss IVFPQ": (BLUE, "s"), "faiss PQ": (GREY, "x")}
_OTHER_RUNS = (ORANGE, PURPLE, SKY)


def plot(results: Path) -> list[Path]:
    """results/search.json, and any search-….json beside it → PNG and SVG."""
    runs = read_runs(results, "search")
    points = [{**row, "run": name} for name, record in runs.items() for row in record["rows"]]
    snrs = list(dict.fromkeys(float(point["snr_db"]) for point in points))
    sizes = sorted({(int(point["database"]), int(point["simulated"])) for point in points})
    figure = new_figure(PANEL * len(snrs) + 0.4, (PANEL - 0.6) * len(sizes) + 1.3)
    panels = figure.subplots(len(sizes), len(snrs), squeeze=False)
    for (size, simulated), line in zip(sizes, panels, strict=True):
        for snr_db, axes in zip(snrs, line, strict=True):
            shown = [
                point
                for point in points
                if int(point["database"]) == size and float(point["snr_db"]) == snr_db
            ]
            _draw(axes, shown)
            noise = "no noise" if isinf(snr_db) else f"{snr_db:g} dB"
            axes.set_title(f"{size:,} images{simulated_note(simulated)}, {noise}", fontsize=8)
        line[0].set_ylabel(MAP_LABEL)
    for axes in panels[-1]:
        axes.set_xlabel("queries per second, one after the other")
    queries = f"{points[0]['queries']} queries"
    figure.suptitle(f"{machine_note(next(iter(runs.values())))}; {queries}", fontsize=9)
    handles = {
        label: handle
        for axes in panels.flat
        for handle, label in zip(*axes.get_legend_handles_labels(), strict=True)
    }
    figure.legend(handles.values(), handles.keys(), loc="outside lower center", ncols=2, fontsize=8)
    return save(figure, results, "search")


def _draw(axes: Axes, points: Sequence[Point]) -> None:
    """The curve of each run and system; Faiss, which is the same in all runs, once."""
    axes.set_xscale("log")
    names = list(dict.fromkeys(point["run"] for point in points))
    for system, (colour, marker) in FAISS.items():
        of_first = [point for point in points if point["system"] == system and point["run"] == names[0]]
        _line(axes, of_first, colour, marker, system)
    for number, name in enumerate(names):
        colour = VERMILION if number == 0 else _OTHER_RUNS[(number - 1) % len(_OTHER_RUNS)]
        own = [point for point in points if point["run"] == name and point["system"] not in FAISS]
        _own(axes, own, colour, suffix_of(name, "search"))
    axes.margins(0.08)


def _own(axes: Axes, points: Sequence[Point], colour: str, suffix: str) -> None:
    """Our points over the number of listed images as a line, over the re-ranked ones as dots."""
    system = points[0]["system"] if points else ""
    default = [point for point in points if point["setting"] == "default"]
    depths = {point["rerank_depth"] for point in default}
    _line(
        axes,
        [point for point in points if point["rerank_depth"] in depths and point not in default],
        colour,
        "o",
        f"{system}, over listed images{suffix}",
    )
    _line(
        axes,
        [point for point in points if point["rerank_depth"] not in depths],
        colour,
        ".",
        f"{system}, over re-ranked images{suffix}",
        line="",
    )
    _line(axes, default, colour, "*", f"{system}, default{suffix}", size=11)


def _line(
    axes: Axes,
    points: Sequence[Point],
    colour: str,
    marker: str,
    label: str,
    line: str = "-",
    size: float = 5,
) -> None:
    if points:
        axes.plot(
            [float(point["per_second"]) for point in points],
            [float(point["mAP"]) for point in points],
            line,
            color=colour,
            marker=marker,
            markersize=size,
            linewidth=1.2,
            label=label,
        )
