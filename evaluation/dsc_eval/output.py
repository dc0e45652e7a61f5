"""Rows of an experiment as CSV, and how they were made as JSON; files appear whole."""

import csv
import io
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import SupportsFloat

from dsc_common.cli.json_text import finite
from dsc_common.errors import InvalidInputError
from dsc_common.files.whole_file import require_replaceable, write_whole

Row = dict[str, str | int | float]
DIGITS = 4  # of measured times and rates


def rounded(value: SupportsFloat) -> float:
    """A measured number as it is reported."""
    return round(float(value), DIGITS)


def require_writable(folder: Path) -> None:
    """Raise InvalidInputError if a folder, or the one in which it would be made, cannot be written."""
    nearest = next(path for path in (folder, *folder.absolute().parents) if os.path.lexists(path))
    if not nearest.is_dir():
        raise InvalidInputError(f"expected a folder, got a file or a broken link: {nearest}")
    if not os.access(nearest, os.W_OK | os.X_OK):
        raise InvalidInputError(f"no permission to write in {nearest}")


def require_writable_file(path: Path) -> None:
    """Raise InvalidInputError or OSError if a file cannot be written, before the work begins."""
    require_writable(path.parent)
    require_replaceable(path)


def write_csv(path: Path, rows: Sequence[Row], columns: Sequence[str]) -> None:
    """Rows → CSV with a header line; a column that a row lacks stays empty."""
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, columns)
    writer.writeheader()
    writer.writerows(rows)
    write_text(path, text.getvalue())


def write_json(path: Path, value: Mapping[str, object]) -> None:
    """A JSON object, indented, with a newline at its end; numbers that JSON lacks become text: "inf"."""
    write_text(path, as_json(value))


def as_json(value: Mapping[str, object]) -> str:
    """The text of `write_json`."""
    return json.dumps(finite(value), indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def write_text(path: Path, text: str) -> None:
    """Text → UTF-8 file, folder included; the old content stays until the new one is complete.

    Bytes of file names that are not UTF-8 become escapes, `\\udcff`, which JSON reads back.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, text.encode(errors="backslashreplace"))
