"""An experiment's CSV, read back for figures and tables."""

import csv
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from dsc_common.errors import InvalidInputError

Record = dict[str, str]
_Key = TypeVar("_Key")


def read_rows(path: Path, columns: Sequence[str]) -> list[Record]:
    """Rows of a CSV that has at least `columns`.

    Raises:
        InvalidInputError: the file cannot be read, lacks a column, or holds no rows.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            rows = list(reader)
            found = reader.fieldnames or []
    except OSError as error:
        raise InvalidInputError(f"cannot read {path}: {error.strerror}") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise InvalidInputError(f"{path} is no CSV file: {error}") from error
    missing = [column for column in columns if column not in found]
    if missing:
        raise InvalidInputError(f"{path} lacks the column {missing[0]}")
    if not rows:
        raise InvalidInputError(f"{path} holds no rows")
    return rows


def names_of_runs(folder: Path, name: str, suffix: str = ".csv") -> list[str]:
    """NAME, and NAME-… of further runs in a folder, without what is written beside their files."""
    stems = sorted(path.name.removesuffix(suffix) for path in folder.glob(f"{name}-*{suffix}"))
    return [name, *(stem for stem in stems if not stem.endswith((".seeds", ".paired")))]


def number(row: Record, column: str) -> float:
    """A cell as a number; InvalidInputError when it is none."""
    try:
        return float(row[column])
    except (TypeError, ValueError) as error:
        raise InvalidInputError(f"expected a number in the column {column}, got {row[column]!r}") from error


def grouped(rows: Sequence[Record], key: Callable[[Record], _Key]) -> dict[_Key, list[Record]]:
    """Rows by key, both in the order of the file."""
    groups: dict[_Key, list[Record]] = {}
    for row in rows:
        groups.setdefault(key(row), []).append(row)
    return groups
