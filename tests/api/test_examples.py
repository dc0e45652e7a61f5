"""The examples of README and docs print what they are said to print."""

from typing import Any

from helpers.doc_examples import block, printed

DOCUMENT = "docs/python-api.md"


def test_the_example_of_the_readme() -> None:
    assert printed("README.md", "readme", {}) == block("README.md", "output", "readme")
    lines = [line for line in block("README.md", "example", "readme").splitlines() if line]
    assert len(lines) == 10


def test_the_worked_example() -> None:
    names: dict[str, Any] = {}
    assert printed(DOCUMENT, "arrays", names) == block(DOCUMENT, "output", "arrays")
    assert printed(DOCUMENT, "combining", names) == block(DOCUMENT, "output", "combining")
