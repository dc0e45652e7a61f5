"""Fig. 2 from fig2.csv: mAP and recall against the number of semantic labels in the head."""

from collections.abc import Callable, Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.ticker import ScalarFormatter

from dsc_eval.plots.spread import draw_range, spread_note, with_spread
from dsc_eval.plots.style import GREY, MAP_LABEL, look, new_figure, save, simulated_note, source_note
from dsc_eval.reading import Record, grouped, number, read_rows
from dsc_eval.tables.fig2 import ENOUGH, labels_for

COLUMNS = (
    *("scheme", "head_labels", "packet_bytes", "database", "simulated", "mAP", "mAP_low", "mAP_high"),
    "recall",
)

KEYS = ("scheme", "head_labels", "database", "simulated")


def plot(results: Path) -> list[Path]:
    """results/fig2.csv → PNG and SVG: a column of panels per database, mAP above recall."""
    rows = with_spread(read_rows(results / "fig2.csv", COLUMNS), results / "fig2.seeds.csv", KEYS)
    databases = grouped(rows, lambda row: (row["database"], row["simulated"]))
    figure = new_figure(7.6 * len(databases), 8.6)
    columns = figure.subplots(2, len(databases), squeeze=False).T
    for (accuracy, recall), ((images, simulated), rows) in zip(columns, databases.items(), strict=True):
        _panel(accuracy, rows, "mAP", lambda rows: "")
        accuracy.set_ylabel(MAP_LABEL)
        note = f"{int(images):,} images{simulated_note(int(simulated))}"
        accuracy.set_title(f"{source_note(rows[0])}{note}; no noise{spread_note(rows)}", fontsize=9)
        _panel(recall, rows, "recall", _labels_note)
        recall.axhline(ENOUGH, color=GREY, linestyle=":", linewidth=1)
        recall.set_ylabel("recall of the candidate list")
    for axes in (columns[-1][0], *(recall for _, recall in columns)):
        axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), fontsize=8, handlelength=3)
    return save(figure, results, "fig2")


def _labels_note(rows: Sequence[Record]) -> str:
    """The number of labels T at which a scheme's recall reaches 90 %."""
    found = labels_for(rows)
    return f": T = {found} for {ENOUGH:.0%}" if found else f": below {ENOUGH:.0%}"


def _panel(axes: Axes, rows: Sequence[Record], column: str, note: Callable[[Sequence[Record]], str]) -> None:
    points = sorted({int(row["head_labels"]) for row in rows if row["head_labels"]}) or [1]
    for place, (scheme, curve_rows) in enumerate(grouped(rows, lambda row: row["scheme"]).items()):
        style = look(scheme, place)
        means = [number(row, column) for row in curve_rows]
        if not curve_rows[0]["head_labels"]:
            axes.axhline(means[0], color=style.colour, linestyle=style.line, linewidth=1.3, label=style.label)
            continue
        heads = [number(row, "head_labels") for row in curve_rows]
        axes.plot(
            heads,
            means,
            style.line,
            color=style.colour,
            marker=style.marker,
            markerfacecolor="white" if style.line == "--" else style.colour,
            linewidth=1.4,
            label=style.label + note(curve_rows),
        )
        if style.line == "-" and column == "mAP":
            lows, highs = ([number(row, column) for row in curve_rows] for column in ("mAP_low", "mAP_high"))
            axes.fill_between(heads, lows, highs, color=style.colour, alpha=0.10, linewidth=0)
        if column == "mAP":
            draw_range(axes, curve_rows, heads, style.colour)
    axes.set_xscale("log")
    axes.set_xticks(points)
    axes.xaxis.set_major_formatter(ScalarFormatter())
    axes.minorticks_off()
    axes.set_ylim(0, 1.02)
    axes.set_xlabel("Number of semantic labels in the head")
