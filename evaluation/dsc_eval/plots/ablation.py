"""mAP against SNR from ablation.csv, a line for each step, a panel for each scheme."""

from pathlib import Path

from dsc_eval.plots.style import (
    BLACK,
    BLUE,
    GREEN,
    GREY,
    MAP_LABEL,
    ORANGE,
    PURPLE,
    SKY,
    VERMILION,
    new_figure,
    save,
    simulated_note,
    source_note,
)
from dsc_eval.reading import grouped, number, read_rows

COLUMNS = ("of", "step", "snr_db", "mAP", "mAP_low", "mAP_high", "uses", "database", "simulated")
_COLOURS = (GREY, BLACK, SKY, BLUE, GREEN, VERMILION, ORANGE, PURPLE)
_MARKERS = "xoDs^*Pv"


def plot(results: Path) -> list[Path]:
    """results/ablation.csv → PNG and SVG."""
    rows = read_rows(results / "ablation.csv", COLUMNS)
    panels = grouped(rows, lambda row: row["of"])
    figure = new_figure(9.5, 3.6 * len(panels))
    grid = figure.subplots(len(panels), 1, squeeze=False, sharex=True)[:, 0]
    for axes, (of, panel_rows) in zip(grid, panels.items(), strict=True):
        for place, (step, points) in enumerate(grouped(panel_rows, lambda row: row["step"]).items()):
            colour, marker = _COLOURS[place % len(_COLOURS)], _MARKERS[place % len(_MARKERS)]
            x = [number(row, "snr_db") for row in points]
            means, lows, highs = (
                [number(row, key) for row in points] for key in ("mAP", "mAP_low", "mAP_high")
            )
            line = "--" if step.startswith("(") else "-"
            axes.plot(x, means, line, color=colour, marker=marker, label=step, linewidth=1.3)
            axes.fill_between(x, lows, highs, color=colour, alpha=0.1, linewidth=0)
        first = panel_rows[0]
        images = f"{int(first['database']):,} images{simulated_note(int(first['simulated']))}"
        title = f"{of}: BPSK, {first['uses']} uses; {source_note(first)}{images}"
        axes.set_title(title, fontsize=9)
        axes.set_ylim(0, 1.02)
        axes.set_ylabel(MAP_LABEL)
        axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), fontsize=8)
    grid[-1].set_xlabel("SNR (dB)")
    return save(figure, results, "ablation")
