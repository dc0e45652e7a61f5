"""The table of what training gains, from training.json and training-….json."""

from pathlib import Path

from dsc_eval.bench.record import read_record
from dsc_eval.models.training_settings import NAME
from dsc_eval.reading import names_of_runs
from dsc_eval.tables.markdown import table


def gains(folder: Path) -> str:
    """A line for each data set, seed and fold: mAP before and after, and the paired gain."""
    lines = []
    for name in names_of_runs(folder, NAME, ".json"):
        record = read_record(folder / f"{name}.json", NAME)
        lines += [
            [
                row["dataset"],
                str(record["settings"]["seed"]),
                row["fold"],
                f"{row['queries']:,}",
                f"{row['mAP_before']:.4f}",
                f"{row['mAP']:.4f}",
                f"{row['gain']:+.4f}",
                f"{row['gain_low']:+.4f} to {row['gain_high']:+.4f}",
                f"{row['p']:.3f}",
                f"{row['minutes']:.1f}",
            ]
            for row in record["rows"]
        ]
    header = ("data", "seed", "tested", "queries", "mAP before", "after", "gain", "95 %", "p", "minutes")
    return table(header, lines)
