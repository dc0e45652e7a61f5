"""The table of training shows each fold of each run."""

from pathlib import Path

from dsc_eval.output import write_json
from dsc_eval.tables.catalogue import TABLES


def test_a_line_for_each_fold(tmp_path: Path) -> None:
    for name, gain in (("training", -0.01), ("training-two", 0.02)):
        row = {"dataset": name, "fold": "all", "queries": 1250, "mAP_before": 0.5, "mAP": 0.5 + gain}
        row |= {"gain": gain, "gain_low": gain - 0.01, "gain_high": gain + 0.01, "p": 0.25, "minutes": 3.14}
        record = {"benchmark": "training", "settings": {"seed": 3}, "rows": [row]}
        write_json(tmp_path / f"{name}.json", record)
    _, _, *lines = TABLES["training"](tmp_path).splitlines()
    assert lines == [
        "| training | 3 | all | 1,250 | 0.5000 | 0.4900 | -0.0100 | -0.0200 to +0.0000 | 0.250 | 3.1 |",
        "| training-two | 3 | all | 1,250 | 0.5000 | 0.5200 | +0.0200 | +0.0100 to +0.0300 | 0.250 | 3.1 |",
    ]
