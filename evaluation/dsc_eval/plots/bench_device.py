"""Where a photo's time goes on a device, from device.json and device-….json: bars by kind, in steps."""

from pathlib import Path

from dsc_eval.bench.device import NAME, TIMES
from dsc_eval.bench.record import read_runs
from dsc_eval.plots.bench_bars import Bar, draw_bars
from dsc_eval.plots.bench_runs import machine_note, suffix_of
from dsc_eval.plots.style import new_figure, save


def plot(results: Path) -> list[Path]:
    """results/device.json, and any device-….json beside it → PNG and SVG."""
    runs = read_runs(results, NAME)
    bars = []
    for run, record in runs.items():
        for row in record["rows"]:
            label = f"{row['kind']}, {row['scheme']}, {row['database']:,} images{suffix_of(run, NAME)}"
            parts = {step: row[f"{step}_ms"] for step in TIMES}
            bars.append(Bar(label, parts, row["photo_ms"], row["photo_ms_min"], row["photo_ms_max"]))
    figure = new_figure(9, 0.32 * len(bars) + 1.5)
    axes = figure.subplots()
    draw_bars(axes, bars, "ms")
    axes.set_xlabel("median time of one photo, by step (ms); black: least and largest median of a run")
    axes.set_title(f"{machine_note(next(iter(runs.values())))}; the device has one core", fontsize=9)
    axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), fontsize=8)
    return save(figure, results, NAME)
