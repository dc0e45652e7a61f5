"""Paths on the command line: an empty one, mostly an unset variable of a shell, is refused."""

from pathlib import Path

import typer


def path_of(text: str) -> Path:
    """The path in an option or argument; without this check, '' is the current folder."""
    if not text:
        raise typer.BadParameter("expected a path, got an empty one")
    return Path(text)
