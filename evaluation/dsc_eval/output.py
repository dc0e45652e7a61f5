"""Rows of an experiment as CSV, and how they were made as JSON; files appear whole."""

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
    write_whole(path, text.getvalue())


def write_json(path: Path, value: Mapping[str, object]) -> None:
    """A JSON object, indented, with a newline at its end."""
    write_whole(path, json.dumps(value, indent=1, ensure_ascii=False) + "\n")


def write_whole(path: Path, text: str) -> None:
    """Text → UTF-8 file, folder included; the old content stays until the new one is complete."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.partial")
    with partial.open("w", newline="", encoding="utf-8") as file:
        file.write(text)
    partial.replace(path)
