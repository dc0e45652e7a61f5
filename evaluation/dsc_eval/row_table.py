"""Rows of results as a table on standard output."""

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from dsc_common.cli.printable import printable
from dsc_common.cli.streams import standard_output
from dsc_eval.output import Row

_WIDTH = 180
_NAMES = ("scheme", "system")


def show_rows(title: str, rows: Sequence[Row], columns: Sequence[str]) -> None:
    """Print some columns of rows; a column that a row lacks stays empty."""
    table = Table(title=_plain(title))
    for column in columns:
        is_name = column in _NAMES
        table.add_column(column, justify="left" if is_name else "right", no_wrap=is_name, overflow="fold")
    for row in rows:
        cells = (row.get(column, "") for column in columns)
        table.add_row(*(f"{cell:.3f}" if isinstance(cell, float) else _plain(cell) for cell in cells))
    with standard_output():
        Console(width=_WIDTH).print(table)


def _plain(value: object) -> Text:
    """A cell as it is: names of data sets may look like markup."""
    return Text(printable(str(value)))
