"""Tables of fig3.csv and its relatives: mAP over SNR, and its causes."""

from pathlib import Path

from dsc_eval.reading import Record, read_rows
from dsc_eval.tables.markdown import code, table
from dsc_eval.tables.snr import curve, heading, points_of

COLUMNS = (
    *("scheme", "mode", "receiver", "snr_db", "mAP", "ber", "head_error_rate", "head_undetected_rate"),
    *("wrong_partition_rate", "database"),
)
RIVALS = (("bpsk", "hard"), ("bpsk", "default"), ("analog-pca", "default"), ("hybrid", "default"))
FURTHER_MODES = ("qpsk", "qam16", "pam256", "integer", "reconstruction", "analog")
CAUSES = {
    "ber": "bits with an error",
    "head_error_rate": "heads with an error",
    "head_undetected_rate": "of them not noticed by the check bits",
    "wrong_partition_rate": "true partitions not read",
    "mAP": "mAP",
}


def rivals(folder: Path) -> str:
    """BPSK with the paper's and the default receiver, beside modes of equal uses and energy."""
    rows = read_rows(folder / "fig3.csv", COLUMNS)
    labels = {
        ("bpsk", "hard"): "`bpsk`, hard (the paper's receiver)",
        ("bpsk", "default"): "**`bpsk`, default**",
    }
    pairs = (*RIVALS[:3], ("hybrid", "hard"), RIVALS[3])
    lines = [
        [labels.get(pair, _label(*pair)), *curve(rows, mode=pair[0], receiver=pair[1])] for pair in pairs
    ]
    errors = curve(rows, ".2g", "ber", mode="bpsk", receiver="hard")
    return table(["SNR, dB", *heading(points_of(rows))], [*lines, ["bit error rate, `bpsk`", *errors]])


def causes(folder: Path) -> str:
    """Error rates with BPSK, by receiver."""
    rows = read_rows(folder / "fig3.csv", COLUMNS)
    lines = [
        [
            receiver if column == "ber" else "",
            label,
            *curve(rows, ".2f", column, mode="bpsk", receiver=receiver),
        ]
        for receiver in ("hard", "default")
        for column, label in CAUSES.items()
    ]
    return table(["receiver", "", *heading(points_of(rows))], lines)


def further_modes(folder: Path) -> str:
    """The other readings of eq. (7)."""
    rows = read_rows(folder / "fig3.csv", COLUMNS)
    lines = [
        [_label(mode, receiver), *curve(rows, mode=mode, receiver=receiver)]
        for mode in FURTHER_MODES
        for receiver in ("hard", "default")
    ]
    return table(["SNR, dB", *heading(points_of(rows))], lines)


def receivers(folder: Path) -> str:
    """Every receiver with BPSK."""
    rows = read_rows(folder / "fig3-receivers.csv", COLUMNS)
    names = dict.fromkeys(row["receiver"] for row in rows)
    lines = [[name, *curve(rows, mode="bpsk", receiver=name)] for name in names]
    return table(["`bpsk`", *heading(points_of(rows))], lines)


def schemes(folder: Path) -> str:
    """Every digital scheme with BPSK, by receiver."""
    rows = read_rows(folder / "fig3-schemes.csv", COLUMNS)
    names = dict.fromkeys(row["scheme"] for row in rows if row["mode"] == "bpsk")
    lines = [
        [
            code(name) if receiver == "hard" else "",
            receiver,
            *curve(rows, mode="bpsk", scheme=name, receiver=receiver),
        ]
        for name in names
        for receiver in ("hard", "default")
    ]
    return table(["scheme", "receiver", *heading(points_of(rows))], lines)


def rayleigh(folder: Path) -> str:
    """Rayleigh fading, with channel gains known to the receiver and unknown."""
    known = read_rows(folder / "fig3-rayleigh.csv", COLUMNS)
    unknown = read_rows(folder / "fig3-rayleigh-blind.csv", COLUMNS)
    lines = [*_rivals("gains known", known), *_rivals("gains not known", unknown)]
    return table(["Rayleigh, SNR, dB", "", *heading(points_of(known))], lines)


def large_database(folder: Path) -> str:
    """The rivals in a database filled up with simulated images."""
    rows = read_rows(folder / "fig3-105k.csv", COLUMNS)
    lines = [line[1:] for line in _rivals("", rows)]
    return table([f"{int(rows[0]['database']):,} images", *heading(points_of(rows))], lines)


def _rivals(first: str, rows: list[Record]) -> list[list[str]]:
    return [
        ["" if number else first, _label(mode, receiver), *curve(rows, mode=mode, receiver=receiver)]
        for number, (mode, receiver) in enumerate(RIVALS)
    ]


def _label(mode: str, receiver: str) -> str:
    return f"{code(mode)}, {receiver}"
