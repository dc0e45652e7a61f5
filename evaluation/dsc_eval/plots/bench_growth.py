"""Time of a query over the number of images, from growth.json and growth-….json."""

from math import isinf
from pathlib import Path

from dsc_eval.bench.record import read_runs
from dsc_eval.plots.bench_runs import machine_note, suffix_of
from dsc_eval.plots.style import BLUE, ORANGE, SKY, VERMILION, new_figure, save

COLOURS = {0: (VERMILION, BLUE), 1: (ORANGE, SKY)}  # of a run, by SNR


def plot(results: Path) -> list[Path]:
    """results/growth.json, and any growth-….json beside it → PNG and SVG."""
    runs = read_runs(results, "growth")
    figure = new_figure(5.4, 3.9)
    axes = figure.subplots()
    sizes: set[int] = set()
    for number, (run, record) in enumerate(runs.items()):
        rows = record["rows"]
        for place, snr_db in enumerate(dict.fromkeys(float(row["snr_db"]) for row in rows)):
            shown = [row for row in rows if float(row["snr_db"]) == snr_db]
            noise = "no noise" if isinf(snr_db) else f"{snr_db:g} dB"
            axes.plot(
                [row["database"] for row in shown],
                [row["ms"] for row in shown],
                color=COLOURS[number % 2][place % 2],
                marker="os"[place % 2],
                linestyle="-" if number == 0 else "--",
                linewidth=1.2,
                label=f"{rows[0]['scheme']}, {noise}{suffix_of(run, 'growth')}",
            )
            sizes |= {int(row["database"]) for row in shown}
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xticks(sorted(sizes), [f"{size:,}" for size in sorted(sizes)], rotation=30, ha="right")
    axes.minorticks_off()
    axes.set_xlabel("images in the database, most of them simulated")
    axes.set_ylabel("median time of one query (ms)")
    axes.legend(fontsize=8)
    figure.suptitle(machine_note(next(iter(runs.values()))), fontsize=9)
    return save(figure, results, "growth")
