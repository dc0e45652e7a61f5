"""`dsc-server info`: verifies an index and prints a summary."""

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from dsc_server.index.description import describe
from dsc_server.index.files import read_index

Index = Annotated[Path, typer.Option("--index", metavar="DIR", help="The index directory.")]


def say(line: str) -> None:
    """Print a line for a person, on stderr."""
    print(line, file=sys.stderr, flush=True)


def info(
    index: Index,
    as_json: Annotated[bool, typer.Option("--json", help="Print as JSON.")] = False,
) -> None:
    """Verify every file of an index and print a summary."""
    print_description(index, as_json)


def print_description(index: Path, as_json: bool) -> None:
    """Print the summary of an index, as text or as one JSON object."""
    description = describe(read_index(index))
    if as_json:
        print(json.dumps(description))
        return
    width = max(len(key) for key in description)
    for key, value in description.items():
        print(f"{key.replace('_', ' '):{width}}  {value}")
