"""Results of the project's prototype, whose numbers stand here, beside those of the experiments."""

from pathlib import Path

from dsc_common.errors import InvalidInputError
from dsc_eval.reading import Record, number, read_rows
from dsc_eval.tables import ablation, schemes
from dsc_eval.tables.markdown import interval, score, table
from dsc_eval.tables.snr import curve, heading, points_of

# Line, scheme, expected mAP; without noise.
WITHOUT_NOISE = (
    ("Exhaustive search with the raw feature, the limit", "exhaustive", "0.99"),
    ("DUC-IVF, raw feature", "duc-ivf-raw", "≥ 0.95"),
    ("DUC-IVF+PQ", "duc-ivf-pq", "≥ 0.74"),
    ("DSC+PQ, the paper's scheme, on photos of objects", "dsc-pq", "about 0.55"),
    ("Spill 3, fused", "dsc-pq+spill=3+fused", "≥ 0.90"),
    ("Spill 3, fused, sequential", "dsc-pq+spill=3+fused+sequential", "about 0.93"),
    ("Spill 5, fused", "dsc-pq+spill=5+fused", "about 0.956"),
    ("One shared code, spill 3", "dsc-shared+spill=3", "about 0.952"),
    ("One shared code, spill 5", "dsc-shared+spill=5", "about 0.976"),
)
ABOUT = 0.01  # below an expected value that the prototype had, whose extraction differs in detail
SCHEME_OVER_NOISE = "dsc-pq+spill=3+fused"
# Line, step of the ablation, and the prototype's mAP at the SNRs below.
POINTS_DB = (-2.0, 0.0, 2.0, 4.0, 6.0, 8.0, 10.0)
OVER_NOISE = (
    ("hard", "hard decisions", "0.02 0.04 0.11 0.21 0.38 0.54 0.60"),
    ("list", "+ list decoding of the head", "0.02 0.04 0.09 0.23 0.46 0.57 0.61"),
    ("joint", "joint: head and codes together", "0.25 0.57 0.80 0.88 0.89 0.89 0.90"),
    ("joint, scrambled", "+ scrambled", "0.60 0.84 0.89 0.89 0.90 0.90 0.90"),
    ("joint, ideal head", "(joint, ideal head)", "0.81 0.85 0.87 0.89 0.89 0.89 0.90"),
)
DEFAULT_STEP = "+ near partitions (the default)"


def without_noise(folder: Path) -> str:
    """mAP of some schemes on the real images, from table1.csv and beyond.csv."""
    rows = read_rows(folder / "table1.csv", schemes.COLUMNS) + read_rows(
        folder / "beyond.csv", schemes.COLUMNS
    )
    of_scheme = {row["scheme"]: row for row in rows if int(row["simulated"]) == 0}
    lines = []
    for name, scheme, expected in WITHOUT_NOISE:
        row = _row_of(of_scheme, scheme)
        lines.append(
            [name, expected, f"{score(row)} ({interval(row)})", _reached(number(row, "mAP"), expected)]
        )
    return table(("what", "expected mAP", "obtained", "reached"), lines)


def _row_of(of_scheme: dict[str, Record], scheme: str) -> Record:
    if scheme not in of_scheme:
        raise InvalidInputError(
            f"expected a row of the scheme {scheme} in table1.csv or beyond.csv, got none"
        )
    return of_scheme[scheme]


def _reached(obtained: float, expected: str) -> str:
    """Whether a value is expected: at least that after ≥, any other less `ABOUT`."""
    least = float(expected.rsplit(maxsplit=1)[-1]) - (0.0 if expected.startswith("≥") else ABOUT)
    return "yes" if obtained >= least else "no"


def over_noise(folder: Path) -> str:
    """mAP over SNR with the paper's codes, from ablation.csv."""
    rows = read_rows(folder / "ablation.csv", ablation.COLUMNS)
    if tuple(points_of(rows)) != POINTS_DB:
        raise InvalidInputError(f"expected SNRs of {POINTS_DB} dB in ablation.csv, got {points_of(rows)}")
    lines = []
    for name, step, prototype in OVER_NOISE:
        lines.append([name, "prototype", *prototype.split()])
        lines.append(["", "obtained", *curve(rows, of=SCHEME_OVER_NOISE, step=step)])
    lines.append(["`dsc`, default", "obtained", *curve(rows, of="dsc", step=DEFAULT_STEP)])
    return table(["SNR, dB", "", *heading(POINTS_DB)], lines)
