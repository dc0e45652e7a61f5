"""Tables over SNR: a line for each curve, a column for each point."""

import math
from collections.abc import Sequence

from dsc_common.errors import InvalidInputError
from dsc_eval.reading import Record, number


def points_of(rows: Sequence[Record]) -> list[float]:
    """The SNRs of the rows in dB, each once, ascending; infinity is no noise."""
    return sorted({number(row, "snr_db") for row in rows})


def heading(points: Sequence[float]) -> list[str]:
    """A cell for each SNR."""
    return ["no noise" if math.isinf(point) else f"{point:g}" for point in points]


def curve(rows: Sequence[Record], form: str = ".2f", column: str = "mAP", **where: str) -> list[str]:
    """Values of a column, a cell for each SNR, ascending.

    Args:
        rows: of a CSV.
        form: of the numbers, as `format` takes it.
        column: of the CSV.
        where: cells that make a row one of the curve.

    Raises:
        InvalidInputError: the curve does not have exactly one row for each SNR of the CSV.
    """
    chosen = [row for row in rows if all(row[name] == cell for name, cell in where.items())]
    values = {number(row, "snr_db"): number(row, column) for row in chosen}
    points = points_of(rows)
    if sorted(values) != points or len(chosen) != len(points):
        what = ", ".join(f"{name} {cell}" for name, cell in where.items())
        raise InvalidInputError(
            f"expected {len(points)} rows, one for each SNR, with {what}; got {len(chosen)}"
        )
    return [format(values[point], form) for point in points]
