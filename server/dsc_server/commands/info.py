"""`dsc-server info`: verifies an index and prints a summary."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from dsc_common.cli.json_text import to_json
from dsc_common.cli.paths import path_of
from dsc_common.cli.printable import printable
from dsc_common.cli.streams import say, show
from dsc_server.index.description import describe
from dsc_server.index.files import read_index

__all__ = ["Index", "info", "print_description", "say"]

Index = Annotated[Path, typer.Option("--index", parser=path_of, metavar="DIR", help="The index directory.")]


def info(
    index: Index,
    as_json: Annotated[bool, typer.Option("--json", help="Print as JSON.")] = False,
) -> None:
    """Verify every file of an index and print a summary."""
    print_description(index, as_json)


def print_description(index: Path, as_json: bool, totals: Mapping[str, Any] | None = None) -> None:
    """Print the summary of an index, as text or as one JSON object.

    Args:
        index: the index directory.
        as_json: whether to print JSON.
        totals: further entries of the JSON object.
    """
    description = describe(read_index(index))
    if as_json:
        show(to_json({**description, **(totals or {})}))
        return
    width = max(len(key) for key in description)
    for key, value in description.items():
        show(printable(f"{key.replace('_', ' '):{width}}  {value}"))
