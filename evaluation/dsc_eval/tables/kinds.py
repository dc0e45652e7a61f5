"""Tables across kinds of photos: one folder of results for each, beside that of the objects."""

from pathlib import Path

from dsc_common.errors import InvalidInputError
from dsc_eval.reading import Record, number, read_rows
from dsc_eval.tables.markdown import code, table
from dsc_eval.tables.seeds import PAIRED_COLUMNS, SEED_COLUMNS, difference
from dsc_eval.tables.snr import heading

# Kind: its folder beside the one that a document's tables are read from.
KINDS = {"objects": "ukbench-439", "landmarks": "landmarks-250", "printed covers": "printed-covers"}
POINTS_DB = (-10.0, -5.0, 0.0, 5.0, 10.0, float("inf"))


def compared(folder: Path) -> str:
    """Schemes of `compare`: mean, least and largest mAP over the indexes, a column for each kind."""
    of_kind = [
        {row["scheme"]: row for row in read_rows(_beside(folder, name) / "metrics.seeds.csv", SEED_COLUMNS)}
        for name in KINDS.values()
    ]
    lines = [
        [code(scheme), *(_spread(rows[scheme], 3) if scheme in rows else "–" for rows in of_kind)]
        for scheme in of_kind[0]
    ]
    return table(("scheme", *KINDS), lines)


def paired(folder: Path, scheme: str, other: str) -> str:
    """`compare`: one scheme against another, over the same queries, a line for each kind."""
    lines = []
    for kind, name in KINDS.items():
        rows = read_rows(_beside(folder, name) / "metrics.paired.csv", PAIRED_COLUMNS)
        found = [row for row in rows if {row["scheme"], row["other_scheme"]} == {scheme, other}]
        if len(found) != 1:
            where = f"{name}/metrics.paired.csv"
            raise InvalidInputError(
                f"expected a comparison of {scheme} and {other} in {where}, got {len(found)}"
            )
        lines.append([kind, *difference(found[0], 1 if found[0]["scheme"] == scheme else -1)])
    return table((f"{code(scheme)} less {code(other)}", "difference in mAP", "95 % interval", "p"), lines)


def over_noise(folder: Path) -> str:
    """fig3-kind over BPSK: mean, least and largest mAP, a line for each kind and receiver."""
    columns = (*SEED_COLUMNS, "mode", "receiver", "snr_db")
    lines = []
    for kind, name in KINDS.items():
        rows = read_rows(_beside(folder, name) / "fig3-kind.seeds.csv", columns)
        for receiver in ("default", "hard"):
            found = {
                number(row, "snr_db"): row
                for row in rows
                if (row["scheme"], row["mode"], row["receiver"]) == ("dsc", "bpsk", receiver)
            }
            if missing := [point for point in POINTS_DB if point not in found]:
                raise InvalidInputError(
                    f"expected dsc over bpsk, {receiver}, at {missing[0]:g} dB in {name}/fig3-kind.seeds.csv"
                )
            lines.append([f"{kind}, {receiver}", *(_spread(found[point], 2) for point in POINTS_DB)])
    return table(("SNR, dB", *heading(POINTS_DB)), lines)


def _beside(folder: Path, name: str) -> Path:
    return folder.parent / name


def _spread(row: Record, digits: int) -> str:
    mean, low, high = (f"{number(row, f'mAP_{kind}'):.{digits}f}" for kind in ("mean", "min", "max"))
    return f"{mean} ({low}–{high})"
