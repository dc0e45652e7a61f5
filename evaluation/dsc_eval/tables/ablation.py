"""Tables of ablation.csv: mAP over SNR, step by step."""

from pathlib import Path

from dsc_eval.reading import read_rows
from dsc_eval.tables.markdown import table
from dsc_eval.tables.snr import curve, heading, points_of

COLUMNS = ("of", "step", "scheme", "receiver", "snr_db", "mAP")


def steps(folder: Path, scheme: str) -> str:
    """The steps of one scheme, in the order of the file."""
    rows = [row for row in read_rows(folder / "ablation.csv", COLUMNS) if row["of"] == scheme]
    names = dict.fromkeys(row["step"] for row in rows)
    lines = [[name, *curve(rows, ".3f", step=name)] for name in names]
    return table(["step", *heading(points_of(rows))], lines)
