"""Time to decode one packet, from decode.json and decode-….json: bars by receiver, SNR and run, in steps."""

from pathlib import Path

from dsc_eval.bench.record import read_runs
from dsc_eval.plots.bench_bars import Bar, draw_bars
from dsc_eval.plots.bench_runs import machine_note, suffix_of
from dsc_eval.plots.style import GREY, new_figure, save

GOAL_MS = 0.7
TOTAL = "all"


def plot(results: Path) -> list[Path]:
    """results/decode.json, and any decode-….json beside it → PNG and SVG."""
    runs = read_runs(results, "decode")
    bars: dict[tuple[int, str, float, str], Bar] = {}
    for run, record in runs.items():
        for row in record["rows"]:
            key = (int(row["database"]), row["receiver"], float(row["snr_db"]), run)
            label = f"{row['receiver']}, {float(row['snr_db']):g} dB, {row['database']:,} images"
            bar = bars.setdefault(key, Bar(label + suffix_of(run, "decode")))
            if row["step"] == TOTAL:
                bar.total, bar.least, bar.most = row["ms"], row["ms_min"], row["ms_max"]
            else:
                bar.parts[row["step"]] = row["ms"]
    figure = new_figure(9, 0.32 * len(bars) + 1.5)
    axes = figure.subplots()
    draw_bars(axes, [bars[key] for key in sorted(bars)], "ms")
    axes.axvline(GOAL_MS, color=GREY, linestyle=":", label=f"goal: {GOAL_MS:g} ms")
    axes.set_xlabel("median time of one packet (ms); black: least and largest median of a run")
    axes.set_title(machine_note(next(iter(runs.values()))), fontsize=9)
    axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), fontsize=8)
    return save(figure, results, "decode")
