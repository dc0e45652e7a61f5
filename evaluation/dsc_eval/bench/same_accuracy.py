"""Curves of accuracy against speed, compared where both are as accurate."""

from collections.abc import Sequence

from dsc_eval.output import Row

TOLERANCE = 0.001  # of mAP: less is no difference
NEVER = "never"


def with_rival(rows: Sequence[Row], own: str) -> list[Row]:
    """Rows of one database and SNR, with the fastest point of the other side that is as accurate.

    Args:
        rows: points with `system`, `mAP` and `per_second`.
        own: the system of one side; all others are the other side.

    Returns:
        The rows with `rival`, queries per second of the fastest point of the other side whose mAP is at least
        the row's, or "never"; and `ahead`, the row's queries per second divided by that, or "".
    """
    compared: list[Row] = []
    for row in rows:
        others = [
            float(other["per_second"])
            for other in rows
            if (other["system"] == own) != (row["system"] == own)
            and float(other["mAP"]) >= float(row["mAP"]) - TOLERANCE
        ]
        fastest = max(others, default=None)
        ahead = "" if fastest is None else round(float(row["per_second"]) / fastest, 3)
        compared.append({**row, "rival": NEVER if fastest is None else fastest, "ahead": ahead})
    return compared
