"""Rows of an experiment as CSV, and what it was made with as JSON; files appear whole."""

import csv
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

Row = dict[str, str | int | float]


def write_csv(path: Path, rows: Sequence[Row], columns: Sequence[str]) -> None:
    """Rows → CSV with a header line; a column that a row lacks stays empty."""
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, columns)
    writer.writeheader()
    writer.writerows(rows)
    _write_whole(path, text.getvalue())


def write_json(path: Path, value: Mapping[str, object]) -> None:
    """A JSON object, indented, with a newline at its end."""
    _write_whole(path, json.dumps(value, indent=1, ensure_ascii=False) + "\n")


def _write_whole(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.partial")
    with partial.open("w", newline="", encoding="utf-8") as file:
        file.write(text)
    partial.replace(path)
