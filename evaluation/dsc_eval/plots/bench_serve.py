"""Requests per second and latency over clients, from serve.json and serve-….json; two panels a database."""

from collections.abc import Sequence
from pathlib import Path

from matplotlib.axes import Axes

from dsc_eval.bench.record import read_runs
from dsc_eval.plots.bench_runs import Point, suffix_of
from dsc_eval.plots.style import (
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    PURPLE,
    VERMILION,
    new_figure,
    save,
    simulated_note,
)

NAME = "serve"
PANEL = 3.2  # inches
LOOKS = {"empty": (GREY, "x"), "retrieve": (VERMILION, "o"), "transmit": (BLUE, "s")}
_OTHER_RUNS = ({"retrieve": ORANGE, "transmit": GREEN}, {"retrieve": PURPLE, "transmit": GREY})


def plot(results: Path) -> list[Path]:
    """results/serve.json, and any serve-….json beside it → PNG and SVG."""
    runs = read_runs(results, NAME)
    first = runs[NAME]
    panels = list(dict.fromkeys(_panel(row) for row in first["rows"]))
    figure = new_figure(2 * PANEL + 1.2, (PANEL - 0.4) * len(panels) + 1.2)
    for key, (rates, latencies) in zip(
        panels, figure.subplots(len(panels), 2, squeeze=False).tolist(), strict=True
    ):
        for number, (name, record) in enumerate(runs.items()):
            points = [row for row in record["rows"] if _panel(row) == key]
            _draw(rates, latencies, points, number, suffix_of(name, NAME))
        database, simulated, snr_db = key
        title = f"{database:,} images{simulated_note(simulated)}, {snr_db:g} dB"
        rates.set_title(title, fontsize=8)
        rates.set_ylabel("requests per second")
        latencies.set_ylabel("ms: 50 % (line), 99 % (dots)")
    for axes in (rates, latencies):
        axes.set_xlabel("clients")
    hardware = first["hardware"]
    figure.suptitle(
        f"{first['rows'][0]['dataset']}; {hardware['cores']} cores of {hardware['cpu']}", fontsize=9
    )
    handles, labels = rates.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=3, fontsize=8)
    return save(figure, results, NAME)


def _panel(row: Point) -> tuple[int, int, float]:
    return int(row["database"]), int(row["simulated"]), float(row["snr_db"])


def _draw(rates: Axes, latencies: Axes, points: Sequence[Point], number: int, suffix: str) -> None:
    """The lines of one run; empty calls are those of the first run."""
    for axes in (rates, latencies):
        axes.set_xscale("log", base=4)
        axes.set_yscale("log")
    others = _OTHER_RUNS[(number - 1) % len(_OTHER_RUNS)]
    for call, (first_colour, marker) in LOOKS.items():
        if number and call not in others:
            continue
        colour = others[call] if number else first_colour
        label = call + suffix
        of_call = [point for point in points if point["call"] == call and point["p50_ms"] != ""]
        clients = [int(point["clients"]) for point in of_call]
        columns = {
            name: [float(point[name]) for point in of_call] for name in ("per_second", "p50_ms", "p99_ms")
        }
        rates.plot(clients, columns["per_second"], color=colour, marker=marker, label=label)
        latencies.plot(clients, columns["p50_ms"], color=colour, marker=marker)
        latencies.plot(clients, columns["p99_ms"], color=colour, marker=".", linestyle="")
    ticks = sorted({int(point["clients"]) for point in points})
    for axes in (rates, latencies):
        axes.set_xticks(ticks, [str(tick) for tick in ticks])
