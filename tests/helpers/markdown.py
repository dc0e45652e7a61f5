"""What Markdown documents refer to: links, headings, code, command lines, paths."""

import re
import shlex
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
_LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
_FENCED = re.compile(r"^```[a-z]*\n(.*?)^```", re.MULTILINE | re.DOTALL)
_INLINE = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")
_HEADING = re.compile(r"^#+ +(.+?) *$", re.MULTILINE)
_SUFFIXES = "py|pyi|md|proto|toml|svg|png|json|csv|yml|yaml|cff|ipynb"
_PATH = re.compile(rf"[a-z_.][\w.-]*(/[\w.-]+)+/?|[\w.-]+\.({_SUFFIXES})|Makefile|LICENSE|Dockerfile")
_GENERATED = {".git", ".venv", ".venv-proto", "build", "dist", "demo-out", "__pycache__"}


def links(text: str) -> list[str]:
    """Targets of links and images, but for those of other hosts."""
    found = _LINK.findall(without_code(text))
    return [target for target in found if not re.match(r"[a-z]+:", target)]


def without_code(text: str) -> str:
    """A document without its fenced blocks and inline code."""
    return _INLINE.sub("", _FENCED.sub("", text))


def anchors(text: str) -> set[str]:
    """Anchors of a document's headings, by the rule of GitHub."""
    found: set[str] = set()
    for heading in _HEADING.findall(_FENCED.sub("", text)):
        plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading.replace("`", "").replace("*", ""))
        slug = re.sub(r"[^\w\- ]", "", plain.lower()).replace(" ", "-")
        number = next(n for n in range(99) if (f"{slug}-{n}" if n else slug) not in found)
        found.add(f"{slug}-{number}" if number else slug)
    return found


def broken_links(path: Path) -> list[str]:
    """Relative links of a document that lead nowhere, or to an anchor that is not there."""
    broken = []
    for target in links(path.read_text()):
        place, _, anchor = target.partition("#")
        file = (path.parent / place).resolve() if place else path
        if not file.exists() or (anchor and anchor not in anchors(file.read_text())):
            broken.append(target)
    return broken


def inline_code(text: str) -> list[str]:
    """Every piece of inline code."""
    return _INLINE.findall(_FENCED.sub("", text))


def code_lines(text: str) -> Iterator[str]:
    """Lines of code: inline, fenced and indented; a line that ends in a backslash goes on with the next."""
    yield from inline_code(text)
    blocks = [*_FENCED.findall(text), "\n".join(line[4:] for line in text.split("\n") if line[:4] == "    ")]
    for block in blocks:
        yield from re.sub(r"\\\n\s*", " ", block).split("\n")


@cache
def files_of_the_repository() -> tuple[str, ...]:
    """Files and folders, with forward slashes, below the root; what commands generate is left out."""
    return tuple(
        path.relative_to(ROOT).as_posix()
        for path in ROOT.rglob("*")
        if not _GENERATED.intersection(path.relative_to(ROOT).parts)
    )


def missing_paths(text: str) -> list[str]:
    """Inline code that looks like a path of this repository, where there is none.

    A path looks so when it begins with a folder of the root, or ends like a Python module in a folder; the
    latter may leave out the folders before it.
    """
    missing = []
    top = {path.name for path in ROOT.iterdir() if path.is_dir() and path.name not in _GENERATED}
    for code in inline_code(text):
        if not _PATH.fullmatch(code) or "/" not in code.rstrip("/"):
            continue
        path = code.rstrip("/")
        if any(part.isupper() for part in path.split("/")):
            continue  # a placeholder
        if path.split("/")[0] in top:
            exists = (ROOT / path).exists()
        elif path.endswith(".py"):
            exists = any(f"/{file}".endswith(f"/{path}") for file in files_of_the_repository())
        else:
            continue
        missing += [] if exists else [code]
    return missing


def command_lines_of(text: str, commands: frozenset[str]) -> Iterator[list[str]]:
    """The words of every line of code that runs one of the commands, this command first."""
    for line in code_lines(text):
        for part in re.split(r"&&|\|\||[;|] |\s#\s", line):
            try:
                words = shlex.split(part)
            except ValueError:  # a quote that is not closed: prose
                continue
            for number, word in enumerate(words):
                if Path(word).name in commands and not word.startswith("-"):
                    yield [Path(word).name, *words[number + 1 :]]
                    break


def make_targets_of(text: str) -> set[str]:
    """Targets that a document runs with make."""
    return {target for line in code_lines(text) for target in re.findall(r"\bmake ([a-z][a-z0-9-]*)", line)}
