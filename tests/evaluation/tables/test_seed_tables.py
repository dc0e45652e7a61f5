"""Tables of seeds and of comparisons: cells, and which way a comparison is turned."""

from pathlib import Path

import pytest

from dsc_common.errors import InvalidInputError
from dsc_eval.output import Row, write_csv
from dsc_eval.tables.catalogue import TABLES
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
