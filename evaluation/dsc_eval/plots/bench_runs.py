"""What figures of benchmarks share: the runs of a folder, their names, and a note on the machine."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dsc_eval.bench.record import Record, read_record
from dsc_eval.plots.style import BLUE, GREEN, GREY, ORANGE, PURPLE, SKY, VERMILION
from dsc_eval.reading import names_of_runs

YELLOW = "#F0E442"
COLOURS = (SKY, BLUE, GREEN, ORANGE, VERMILION, GREY, PURPLE, YELLOW)
Point = Mapping[str, Any]


def read_runs(results: Path, name: str) -> dict[str, Record]:
    """NAME.json and any NAME-….json beside it, by name."""
    return {run: read_record(results / f"{run}.json", name) for run in names_of_runs(results, name, ".json")}


def suffix_of(run: str, name: str) -> str:
    """ " (before)" of the run NAME-before; empty for NAME."""
    return "" if run == name else f" ({run.removeprefix(f'{name}-')})"


def machine_note(record: Record) -> str:
    """Data set, processor and threads of a run."""
    threads = record["settings"]["threads"]
    return f"{record['data']['name']}; {record['hardware']['cpu']}, {threads} thread{'s' * (threads != 1)}"
