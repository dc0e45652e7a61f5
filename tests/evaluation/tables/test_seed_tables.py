"""Tables of seeds and of comparisons: cells, and which way a comparison is turned."""

from pathlib import Path

import pytest

from dsc_common.errors import InvalidInputError
from dsc_eval.output import Row, write_csv
from dsc_eval.tables.catalogue import TABLES
from dsc_eval.tables.kinds import KINDS
from dsc_eval.tables.seeds import paired_over_noise


def fig3_paired(folder: Path) -> str:
    return paired_over_noise(folder, ("bpsk", "default"), ("analog-pca", "default"))


def compared(first: str, other: str, difference: float, p: float) -> Row:
    ends = {"difference_low": difference - 0.01, "difference_high": difference + 0.02}
    return {"scheme": first, "other_scheme": other, "difference": difference, **ends, "p": p, "seeds": 5}


def write(path: Path, rows: list[Row]) -> None:
    write_csv(path, rows, list(rows[0]))


def test_comparisons_are_turned_to_one_scheme(tmp_path: Path) -> None:
    rows = [compared("duc-pq", "dsc", 0.1, 0.0001), compared("dsc", "exhaustive", -0.002, 0.8091)]
    write(tmp_path / "metrics.paired.csv", [*rows, compared("duc-pq", "exhaustive", 0.3, 0.5)])
    assert TABLES["compare-paired"](tmp_path).splitlines()[2:] == [
        "| `duc-pq` | -0.100 | -0.120 … -0.090 | < 0.001 |",
        "| `exhaustive` | -0.002 | -0.012 … +0.018 | 0.809 |",
    ]


def test_spread_over_indexes(tmp_path: Path) -> None:
    spread: Row = {"mAP_mean": 0.98765, "mAP_min": 0.98, "mAP_max": 0.9944, "mAP_trapezoidal_mean": 0.987}
    row: Row = {"scheme": "dsc", "seeds": 5, "recall_mean": 1.0, **spread}
    write(tmp_path / "metrics.seeds.csv", [row])
    assert TABLES["compare-seeds"](tmp_path).splitlines() == [
        "| scheme, 5 indexes | mAP | least–largest | mAP, trapezoidal | recall |",
        "|---|---|---|---|---|",
        "| `dsc` | 0.988 | 0.980–0.994 | 0.987 | 1.000 |",
    ]


def test_comparisons_over_noise_have_a_line_for_each_point(tmp_path: Path) -> None:
    modes = {"mode": "analog-pca", "receiver": "default", "other_mode": "bpsk", "other_receiver": "default"}
    rows = [compared("analog-pca", "dsc", 0.018, 0.0004) | modes | {"snr_db": snr} for snr in ("inf", "-5.0")]
    hard = (
        compared("dsc", "dsc", 0.5, 0.5) | modes | {"mode": "bpsk", "other_receiver": "hard", "snr_db": 0.0}
    )
    write(tmp_path / "fig3-seeds.paired.csv", [*rows, hard])
    assert fig3_paired(tmp_path).splitlines()[2:] == [
        "| -5 | -0.018 | -0.038 … -0.008 | < 0.001 |",
        "| no noise | -0.018 | -0.038 … -0.008 | < 0.001 |",
    ]
    write(tmp_path / "fig3-seeds.paired.csv", [hard])
    with pytest.raises(InvalidInputError, match="expected comparisons of"):
        fig3_paired(tmp_path)


def spread_row(mean: float, **cells: str | float) -> Row:
    spread: Row = {"mAP_mean": mean, "mAP_min": mean - 0.01, "mAP_max": mean + 0.02}
    return {"scheme": "dsc", "seeds": 5, "recall_mean": 1.0, "mAP_trapezoidal_mean": mean, **spread, **cells}


def folders(tmp_path: Path) -> list[Path]:
    """A folder for each kind of photos; tables are asked for that of the first."""
    made = [tmp_path / name for name in KINDS.values()]
    for folder in made:
        folder.mkdir()
    return made


def test_schemes_of_each_kind_stand_beside_each_other(tmp_path: Path) -> None:
    for number, folder in enumerate(folders(tmp_path)):
        rows = [spread_row(0.9 - number / 10), spread_row(0.5, scheme="duc-pq")]
        write(folder / "metrics.seeds.csv", rows[: 2 - number // 2])
    assert TABLES["kinds"](tmp_path / "ukbench-439").splitlines() == [
        "| scheme | objects | landmarks | printed covers |",
        "|---|---|---|---|",
        "| `dsc` | 0.900 (0.890–0.920) | 0.800 (0.790–0.820) | 0.700 (0.690–0.720) |",
        "| `duc-pq` | 0.500 (0.490–0.520) | 0.500 (0.490–0.520) | – |",
    ]


def test_each_kind_is_compared_with_its_limit(tmp_path: Path) -> None:
    for folder, first in zip(folders(tmp_path), ("dsc", "exhaustive", "dsc"), strict=True):
        other = "dsc" if first == "exhaustive" else "exhaustive"
        write(folder / "metrics.paired.csv", [compared(first, other, 0.1, 0.04), compared("a", "dsc", 1, 1)])
    assert TABLES["kinds-paired"](tmp_path / "ukbench-439").splitlines()[2:] == [
        "| objects | +0.100 | +0.090 … +0.120 | 0.040 |",
        "| landmarks | -0.100 | -0.120 … -0.090 | 0.040 |",
        "| printed covers | +0.100 | +0.090 … +0.120 | 0.040 |",
    ]
    write(tmp_path / "landmarks-250" / "metrics.paired.csv", [compared("a", "dsc", 1, 1)])
    with pytest.raises(InvalidInputError, match=r"in landmarks-250/metrics.paired.csv, got 0$"):
        TABLES["kinds-paired"](tmp_path / "ukbench-439")


def test_noise_of_each_kind_has_a_line_for_each_receiver(tmp_path: Path) -> None:
    for folder in folders(tmp_path):
        rows = [
            spread_row(0.5 if receiver == "hard" else 0.75, mode=mode, receiver=receiver, snr_db=snr_db)
            for mode in ("bpsk", "hybrid")
            for receiver in ("hard", "default")
            for snr_db in (0.0, -5.0, -10.0, 5.0, 10.0, float("inf"), 2.0)
        ]
        write(folder / "fig3-kind.seeds.csv", rows)
    lines = TABLES["kinds-noise"](tmp_path / "ukbench-439").splitlines()
    assert lines[0] == "| SNR, dB | -10 | -5 | 0 | 5 | 10 | no noise |"
    assert lines[2] == f"| objects, default |{' 0.75 (0.74–0.77) |' * 6}"
    assert lines[7] == f"| printed covers, hard |{' 0.50 (0.49–0.52) |' * 6}"
    write(tmp_path / "landmarks-250" / "fig3-kind.seeds.csv", rows[1:])  # without hard at 0 dB
    with pytest.raises(InvalidInputError, match=r"bpsk, hard, at 0 dB in landmarks-250/"):
        TABLES["kinds-noise"](tmp_path / "ukbench-439")
