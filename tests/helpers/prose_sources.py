"""Where prose is: Markdown without its code, docstrings and comments of packages, help texts of commands."""

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

from helpers.commands import COMMANDS, command_lines
from helpers.prose import faults

ROOT = Path(__file__).parents[2]
PACKAGES = {
    path.name: path
    for role in ("common", "device", "channel", "model", "server", "evaluation", "demo", "api")
    for path in sorted((ROOT / role).glob("*/"))
    if (path / "__init__.py").exists()
}
__all__ = ["COMMANDS", "PACKAGES", "faults_of_command", "faults_of_package", "markdown_prose"]

_FENCED = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
_INDENTED = re.compile(r"(?<=\n\n)(?:(?: {4}|\t).*\n|\n(?= {4}))+")
_INLINE = re.compile(r"`[^`\n]+`")


def markdown_prose(text: str) -> str:
    """Markdown → the same lines with every character of code as `x`: line numbers stay."""
    for code in (_FENCED, _INDENTED, _INLINE):
        text = code.sub(lambda match: re.sub(r"[^\s]", "x", match[0]), text)
    return text


def changelog_since(text: str, version: str) -> str:
    """The sections of a changelog from a version on, newest first; empty where it has none."""
    sections = re.split(r"(?m)^(?=## )", text)
    headings = [section.partition("\n")[0] for section in sections]
    for number, heading in enumerate(headings):
        if version in heading:
            return "".join(sections[1 : number + 1])
    return ""


def python_prose(source: str) -> Iterator[tuple[int, str]]:
    """Docstrings and blocks of comments, each with its first line."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            docstring = ast.get_docstring(node, clean=False)
            if docstring is not None:
                yield node.body[0].lineno, docstring
    yield from _comments(source)


def _comments(source: str) -> Iterator[tuple[int, str]]:
    """Comments on consecutive lines are one text."""
    block: list[str] = []
    start = 0
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type != tokenize.COMMENT:
            continue
        if block and token.start[0] != start + len(block):
            yield start, "\n".join(block)
            block = []
        start = start if block else token.start[0]
        block.append(token.string.lstrip("# "))
    if block:
        yield start, "\n".join(block)


def faults_of_package(name: str) -> list[str]:
    """One line for each habit in the docstrings and comments of a package."""
    return [
        f"{path.relative_to(ROOT)}:{fault}"
        for path in sorted(PACKAGES[name].rglob("*.py"))
        for line, text in python_prose(path.read_text())
        for fault in faults(text, line)
    ]


def faults_of_command(name: str) -> list[str]:
    """One line for each habit in the help texts of a command, its sub-commands and options."""
    return [f"{place}: {fault}" for place, text in command_lines(name) for fault in faults(text)]
