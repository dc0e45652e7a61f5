"""Mean and range over several indexes, from NAME.seeds.csv beside a figure's CSV."""

from collections.abc import Sequence
from pathlib import Path

from matplotlib.axes import Axes

from dsc_eval.reading import Record, number, read_rows

RANGE = ("mAP_min", "mAP_max")


def with_spread(rows: Sequence[Record], path: Path, keys: Sequence[str]) -> list[Record]:
    """Rows whose mAP and recall are means over the indexes, with `mAP_min` and `mAP_max`.

    A row that the file lacks stays as it is; without the file all do.

    Args:
        rows: of NAME.csv.
        path: NAME.seeds.csv.
        keys: columns that name a row.
    """
    if not path.exists():
        return list(rows)
    needed = (*keys, "seeds", "mAP_mean", "recall_mean", *RANGE)
    means = {tuple(row[key] for key in keys): row for row in read_rows(path, needed)}
    return [_joined(row, means.get(tuple(row[key] for key in keys))) for row in rows]


def _joined(row: Record, mean: Record | None) -> Record:
    if mean is None:
        return row
    taken = {name: mean[name] for name in (*RANGE, "seeds")}
    return {**row, **taken, "mAP": mean["mAP_mean"], "recall": mean["recall_mean"]}


def draw_range(axes: Axes, points: Sequence[Record], x: Sequence[float], colour: str) -> None:
    """A bar at each point from the least to the largest mAP, where there are several indexes."""
    if points and all(row.get(RANGE[0]) for row in points):
        lows, highs = ([number(row, name) for row in points] for name in RANGE)
        axes.vlines(x, lows, highs, color=colour, linewidth=3, alpha=0.5)


def spread_note(rows: Sequence[Record]) -> str:
    """A figure's note on means over indexes, with "; " before it; empty where there is one index."""
    counts = sorted({int(row["seeds"]) for row in rows if row.get("seeds")})
    return f"; means and ranges of {counts[-1]} indexes, intervals of the first" if counts else ""
