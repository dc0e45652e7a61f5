"""Steps beyond the paper, from beyond.csv: mAP and its interval, a line for each scheme."""

from pathlib import Path

from dsc_eval.plots.style import (
    BLACK,
    BLUE,
    MAP_LABEL,
    ORANGE,
    VERMILION,
    new_figure,
    save,
    simulated_note,
    source_note,
)
from dsc_eval.reading import number, read_rows

COLUMNS = ("scheme", "packet_bytes", "database", "simulated", "mAP", "mAP_low", "mAP_high")


def plot(results: Path) -> list[Path]:
    """results/beyond.csv → PNG and SVG."""
    rows = read_rows(results / "beyond.csv", COLUMNS)
    figure = new_figure(7.6, 0.26 * len(rows) + 1.1)
    axes = figure.subplots()
    for place, row in enumerate(rows):
        mean, colour = number(row, "mAP"), _colour(row["scheme"])
        axes.plot(
            [number(row, "mAP_low"), number(row, "mAP_high")], [place, place], color=colour, linewidth=2
        )
        axes.plot([mean], [place], "o", color=colour)
        axes.annotate(
            f"{mean:.3f}", (1.01, place), xycoords=("axes fraction", "data"), va="center", fontsize=8
        )
    several = len({(row["database"], row["simulated"]) for row in rows}) > 1
    axes.set_yticks(
        range(len(rows)),
        [
            f"{row['scheme']}, {row['packet_bytes']} bytes"
            + (f", {int(row['database']):,}" if several else "")
            for row in rows
        ],
    )
    axes.invert_yaxis()
    axes.set_xlabel(f"{MAP_LABEL}, with the 95 % interval over queries")
    axes.set_xlim(right=1.005)
    if not several:
        note = simulated_note(int(rows[0]["simulated"]))
        images = f"{int(rows[0]['database']):,} images{note}"
        axes.set_title(f"{source_note(rows[0])}{images}; no noise", fontsize=9)
    return save(figure, results, "beyond")


def _colour(scheme: str) -> str:
    if scheme == "dsc" or scheme.startswith("dsc+"):
        return VERMILION
    families = {"dsc-shared": ORANGE, "dsc-pq": BLUE}
    return families.get(scheme.partition("+")[0], BLACK)
