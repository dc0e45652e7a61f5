"""Table I as a picture, from table1.csv and any table1-*.csv beside it (runs at other sizes)."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from dsc_eval.plots.style import new_figure, save, simulated_note, source_note
from dsc_eval.reading import Record, grouped, names_of_runs, number, read_rows
from dsc_eval.tables.schemes import further_cells, further_columns

COLUMNS = (
    *("scheme", "packet_bytes", "database", "simulated", "queries", "mAP", "mAP_low", "mAP_high", "recall"),
    *("candidates", "rank_ms", "index_bytes", "codebook_bytes"),
)
HEADINGS = ("scheme", "bytes", "mAP", "95 % interval", "recall", "candidates", "ms", "index MB", "device MB")
ROW_INCHES = 0.21


def plot(results: Path) -> list[Path]:
    """results/table1*.csv → PNG and SVG, one block per database."""
    rows = [
        row
        for name in names_of_runs(results, "table1")
        for row in read_rows(results / f"{name}.csv", COLUMNS)
    ]
    blocks = grouped(rows, lambda row: (int(row["database"]), int(row["simulated"])))
    heights = [len(block) + 2.5 for block in blocks.values()]
    figure = new_figure(9.2, ROW_INCHES * sum(heights) + 0.2)
    panels = figure.subplots(len(blocks), 1, squeeze=False, height_ratios=heights)[:, 0]
    for axes, ((images, simulated), block) in zip(panels, blocks.items(), strict=True):
        axes.axis("off")
        further = further_columns(block)
        headings = (*HEADINGS[:5], *further, *HEADINGS[5:])
        axes.set_title(
            f"{source_note(max(block, key=_queries))}{images:,} images{simulated_note(simulated)}",
            fontsize=9,
            loc="left",
            fontweight="bold",
        )
        table = axes.table(
            _cells(block, further), colLabels=headings, loc="center", cellLoc="right", bbox=(0, 0, 1, 1)
        )
        table.auto_set_font_size(False)
        table.set_fontsize(8)
        table.auto_set_column_width(list(range(len(headings))))
        for (line, column), cell in table.get_celld().items():
            cell.set_linewidth(0.4)
            cell.set_edgecolor("#bbbbbb")
            cell.set_facecolor("#eeeeee" if line == 0 else "white")
            cell.set_text_props(ha="left" if column == 0 else "right")
    return save(figure, results, "table1")


def _queries(row: Record) -> float:
    return number(row, "queries")


def _cells(rows: Sequence[Record], further: Mapping[str, str]) -> list[list[str]]:
    most = max(map(_queries, rows))
    return [
        [
            row["scheme"] + ("" if number(row, "queries") == most else f" ({row['queries']} queries)"),
            row["packet_bytes"],
            f"{number(row, 'mAP'):.3f}",
            f"{number(row, 'mAP_low'):.3f} – {number(row, 'mAP_high'):.3f}",
            f"{number(row, 'recall'):.3f}",
            *further_cells(row, further),
            f"{number(row, 'candidates'):,.1f}",
            f"{number(row, 'rank_ms'):.2f}",
            f"{number(row, 'index_bytes') / 1e6:,.1f}",
            f"{number(row, 'codebook_bytes') / 1e6:,.1f}",
        ]
        for row in rows
    ]
