"""Rows of an experiment as CSV, and what it was made with as JSON; files appear whole."""

import csv
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from dsc_common.files.whole_file import write_whole

Row = dict[str, str | int | float]


def write_csv(path: Path, rows: Sequence[Row], columns: Sequence[str]) -> None:
    """Rows → CSV with a header line; a column that a row lacks stays empty."""
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, columns)
    writer.writeheader()
    writer.writerows(rows)
    _write(path, text.getvalue())


def write_json(path: Path, value: Mapping[str, object]) -> None:
    """A JSON object, indented, with a newline at its end."""
    _write(path, json.dumps(value, indent=1, ensure_ascii=False) + "\n")


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, text.encode())
