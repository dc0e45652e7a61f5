"""Tables of what lies beside a CSV: spread over seeds of the index, and comparisons over the same queries."""

from pathlib import Path

from dsc_common.errors import InvalidInputError
from dsc_eval.reading import Record, number, read_rows
from dsc_eval.tables.markdown import code, table
from dsc_eval.tables.snr import heading, points_of

SEED_COLUMNS = (
    *("scheme", "seeds", "mAP_mean", "mAP_min", "mAP_max", "mAP_trapezoidal_mean"),
    *("recall_mean",),
)
PAIRED_COLUMNS = ("scheme", "other_scheme", "difference", "difference_low", "difference_high", "p", "seeds")
LEAST_P = 0.001


def spread(folder: Path) -> str:
    """Schemes of `compare`: mean, least and largest mAP over the indexes."""
    rows = read_rows(folder / "metrics.seeds.csv", SEED_COLUMNS)
    lines = [
        [
            code(row["scheme"]),
            f"{number(row, 'mAP_mean'):.3f}",
            f"{number(row, 'mAP_min'):.3f}–{number(row, 'mAP_max'):.3f}",
            f"{number(row, 'mAP_trapezoidal_mean'):.3f}",
            f"{number(row, 'recall_mean'):.3f}",
        ]
        for row in rows
    ]
    header = (f"scheme, {rows[0]['seeds']} indexes", "mAP", "least–largest", "mAP, trapezoidal", "recall")
    return table(header, lines)


def paired(folder: Path, scheme: str) -> str:
    """`compare`: one scheme against each other one, over the same queries."""
    rows = read_rows(folder / "metrics.paired.csv", PAIRED_COLUMNS)
    lines = []
    for row in rows:
        if scheme in (row["scheme"], row["other_scheme"]):
            other = row["other_scheme"] if row["scheme"] == scheme else row["scheme"]
            lines.append([code(other), *difference(row, 1 if row["scheme"] == scheme else -1)])
    return table((f"{code(scheme)} less", "difference in mAP", "95 % interval", "p"), lines)


def paired_over_noise(folder: Path, first: tuple[str, str], other: tuple[str, str]) -> str:
    """fig3-seeds: one mode and receiver against another, a line for each SNR."""
    columns = (*PAIRED_COLUMNS, "mode", "receiver", "other_mode", "other_receiver", "snr_db")
    rows = [
        row
        for row in read_rows(folder / "fig3-seeds.paired.csv", columns)
        if {(row["mode"], row["receiver"]), (row["other_mode"], row["other_receiver"])} == {first, other}
    ]
    if not rows:
        raise InvalidInputError(f"expected comparisons of {first} and {other} in fig3-seeds.paired.csv")
    sign = 1 if (rows[0]["mode"], rows[0]["receiver"]) == first else -1
    of_point = {number(row, "snr_db"): difference(row, sign) for row in rows}
    points = points_of(rows)
    lines = [[name, *of_point[point]] for name, point in zip(heading(points), points, strict=True)]
    return table(("SNR, dB", f"{code(first[0])} less {code(other[0])}", "95 % interval", "p"), lines)


def spread_over_noise(folder: Path) -> str:
    """fig3-seeds: mean, least and largest mAP over the indexes, a line for each curve."""
    columns = (*SEED_COLUMNS, "mode", "receiver", "snr_db")
    rows = read_rows(folder / "fig3-seeds.seeds.csv", columns)
    points = points_of(rows)
    cells: dict[tuple[str, str], dict[float, str]] = {}
    for row in rows:
        mean, low, high = (number(row, f"mAP_{kind}") for kind in ("mean", "min", "max"))
        place = cells.setdefault((row["mode"], row["receiver"]), {})
        place[number(row, "snr_db")] = f"{mean:.2f} ({low:.2f}–{high:.2f})"
    lines = [
        [f"{code(mode)}, {receiver}", *(of_point[point] for point in points)]
        for (mode, receiver), of_point in cells.items()
    ]
    return table([f"{rows[0]['seeds']} indexes; SNR, dB", *heading(points)], lines)


def difference(row: Record, sign: int) -> list[str]:
    """Difference, interval and p as cells; the sign turns the comparison around."""
    ends = sorted(sign * number(row, f"difference_{end}") for end in ("low", "high"))
    p = number(row, "p")
    shown = f"< {LEAST_P:g}" if p < LEAST_P else f"{p:.3f}"
    difference = sign * number(row, "difference")
    return [f"{difference:+.3f}", f"{ends[0]:+.3f} … {ends[1]:+.3f}", shown]
