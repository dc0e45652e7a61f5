"""A document whose tables stand between markers, comments that a reader does not see.

<!-- table: NAME -->
…
<!-- end of table -->
"""

import re
from collections.abc import Callable, Mapping
from pathlib import Path

from dsc_common.errors import DscError, InvalidInputError
from dsc_eval.output import write_text
from dsc_eval.tables.catalogue import TABLES

_MARKER = re.compile(r"<!-- (?:table: \S+|end of table) -->")
_TABLE = re.compile(r"(<!-- table: (?P<name>\S+) -->)(?P<body>.*?)(<!-- end of table -->)", re.DOTALL)

Tables = Mapping[str, Callable[[Path], str]]


def fill_file(path: Path, results: Path, check: bool = False) -> None:
    """Render the tables of a document in place.

    Args:
        path: the document, UTF-8.
        results: folder with the CSV files.
        check: change nothing.

    Raises:
        InvalidInputError: the document or a CSV file cannot be read, or a marker is not as expected.
        DscError: with `check`, a table is not what the CSV files give.
    """
    try:
        old = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise InvalidInputError(f"expected UTF-8 text in {path}, got {error}") from error
    except OSError as error:
        raise InvalidInputError(f"cannot read {path}: {error.strerror}") from error
    new, changed = fill(old, results, str(path))
    if changed and check:
        raise DscError(f"{path} is out of date: expected the table {changed[0]} as in {results}")
    if changed:
        write_text(path, new)


def fill(
    text: str, results: Path, document: str = "the document", tables: Tables = TABLES
) -> tuple[str, list[str]]:
    """Text with each table between its markers rendered again, and the names of those that changed.

    Raises:
        InvalidInputError: there are no markers, one lacks its partner, or a table is unknown.
    """
    count, markers = len(_TABLE.findall(text)), len(_MARKER.findall(text))
    if not markers or markers != 2 * count:
        raise InvalidInputError(f"expected pairs of markers around tables in {document}, got {markers}")
    changed: list[str] = []

    def render(match: re.Match[str]) -> str:
        name = match["name"]
        if name not in tables:
            raise InvalidInputError(
                f"unknown table {name!r} in {document}; expected one of {', '.join(tables)}"
            )
        body = f"\n\n{tables[name](results)}\n\n"
        if body != match["body"]:
            changed.append(name)
        return f"{match[1]}{body}{match[4]}"

    return _TABLE.sub(render, text), changed
