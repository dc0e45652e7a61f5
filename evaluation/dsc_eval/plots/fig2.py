"""Fig. 2 from fig2.csv: mAP against the number of semantic labels in the head."""

from collections.abc import Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.ticker import ScalarFormatter

from dsc_eval.plots.style import look, new_figure, save, simulated_note
from dsc_eval.reading import Record, grouped, number, read_rows

COLUMNS = ("scheme", "head_labels", "packet_bytes", "database", "simulated", "mAP", "mAP_low", "mAP_high")


def plot(results: Path) -> list[Path]:
    """results/fig2.csv → PNG and SVG, one panel per database."""
    databases = grouped(
        read_rows(results / "fig2.csv", COLUMNS), lambda row: (row["database"], row["simulated"])
    )
    figure = new_figure(7.6 * len(databases), 4.6)
    panels = figure.subplots(1, len(databases), squeeze=False)[0]
    for axes, ((images, simulated), rows) in zip(panels, databases.items(), strict=True):
        _panel(axes, rows)
        axes.set_title(f"{int(images):,} images{simulated_note(int(simulated))}; no noise", fontsize=9)
    panels[-1].legend(loc="center left", bbox_to_anchor=(1.01, 0.5), fontsize=8, handlelength=3)
    return save(figure, results, "fig2")


def _panel(axes: Axes, rows: Sequence[Record]) -> None:
    points = sorted({int(row["head_labels"]) for row in rows if row["head_labels"]}) or [1]
    for place, (scheme, curve_rows) in enumerate(grouped(rows, lambda row: row["scheme"]).items()):
        style = look(scheme, place)
        means = [number(row, "mAP") for row in curve_rows]
        if not curve_rows[0]["head_labels"]:
            axes.axhline(means[0], color=style.colour, linestyle=style.line, linewidth=1.3, label=style.label)
            continue
        heads = [number(row, "head_labels") for row in curve_rows]
        fill = "white" if style.line == "--" else style.colour
        axes.plot(
            heads,
            means,
            style.line,
            color=style.colour,
            marker=style.marker,
            markerfacecolor=fill,
            linewidth=1.4,
            label=style.label,
        )
        if style.line == "-":
            lows, highs = ([number(row, column) for row in curve_rows] for column in ("mAP_low", "mAP_high"))
            axes.fill_between(heads, lows, highs, color=style.colour, alpha=0.10, linewidth=0)
    axes.set_xscale("log")
    axes.set_xticks(points)
    axes.xaxis.set_major_formatter(ScalarFormatter())
    axes.minorticks_off()
    axes.set_ylim(0, 1.02)
    axes.set_xlabel("Number of semantic labels in the head")
    axes.set_ylabel("mAP")
