"""Table of fig2.csv: recall by the number of labels in the head, and how many labels reach 90 %."""

from collections.abc import Sequence
from pathlib import Path

from dsc_common.errors import InvalidInputError
from dsc_eval.reading import Record, grouped, number, read_rows
from dsc_eval.tables.markdown import code, table

COLUMNS = ("scheme", "head_labels", "simulated", "recall")
ENOUGH = 0.9


def labels_for(rows: Sequence[Record], recall: float = ENOUGH) -> int | None:
    """The least T of a scheme's rows that reaches a recall; None where no measured one does."""
    reaching = [int(row["head_labels"]) for row in rows if number(row, "recall") >= recall]
    return min(reaching, default=None)


def recall_by_labels(folder: Path) -> str:
    """Recall of the schemes with a head, on the real images."""
    rows = [
        row
        for row in read_rows(folder / "fig2.csv", COLUMNS)
        if int(row["simulated"]) == 0 and row["head_labels"]
    ]
    if not rows:
        raise InvalidInputError("expected rows of real images in fig2.csv, got none")
    points = sorted({int(row["head_labels"]) for row in rows})
    lines = []
    for scheme, of_scheme in grouped(rows, lambda row: row["scheme"]).items():
        values = {int(row["head_labels"]): f"{number(row, 'recall'):.3f}" for row in of_scheme}
        enough = labels_for(of_scheme)
        cells = [values.get(point, "–") for point in points]
        lines.append([code(scheme), *cells, "–" if enough is None else str(enough)])
    return table(["labels in the head", *map(str, points), f"T for {ENOUGH:.0%}"], lines)
