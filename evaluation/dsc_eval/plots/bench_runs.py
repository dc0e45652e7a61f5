"""What figures of benchmarks share: colours, names of runs, and a note on the machine."""

from collections.abc import Mapping
from typing import Any

from dsc_eval.bench.record import Record
from dsc_eval.plots.style import BLUE, GREEN, GREY, ORANGE, PURPLE, SKY, VERMILION

YELLOW = "#F0E442"
COLOURS = (SKY, BLUE, GREEN, ORANGE, VERMILION, GREY, PURPLE, YELLOW)
Point = Mapping[str, Any]


def suffix_of(run: str, name: str) -> str:
    """ " (before)" of the run NAME-before; empty for NAME."""
    return "" if run == name else f" ({run.removeprefix(f'{name}-')})"


def machine_note(record: Record) -> str:
    """Data set, processor and threads of a run."""
    threads = record["settings"]["threads"]
    return f"{record['data']['name']}; {record['hardware']['cpu']}, {threads} thread{'s' * (threads != 1)}"
