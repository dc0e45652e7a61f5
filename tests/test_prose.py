"""The prose of docs, help texts, docstrings and comments keeps to the style page (CONTRIBUTING.md)."""

from pathlib import Path

import pytest

from helpers.prose import ALLOW, HABITS, faults
from helpers.prose_sources import (
    COMMANDS,
    PACKAGES,
    changelog_since,
    faults_of_command,
    faults_of_package,
    markdown_prose,
    python_prose,
)

ROOT = Path(__file__).parents[1]
DOCUMENTS = [
    path
    for path in (*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md")))
    if path.name != "CHANGELOG.md"
]
CHECKED_PACKAGES = tuple(PACKAGES)
CHECKED_COMMANDS = tuple(COMMANDS)


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_documents_keep_to_the_style_page(path: Path) -> None:
    found = faults(markdown_prose(path.read_text()))
    assert not found, "\n".join(map(str, found))


def test_the_changelog_keeps_to_the_style_page_from_0_2_0_on() -> None:
    found = faults(markdown_prose(changelog_since((ROOT / "CHANGELOG.md").read_text(), "0.2.0")))
    assert not found, "\n".join(map(str, found))


@pytest.mark.parametrize("name", CHECKED_PACKAGES)
def test_docstrings_and_comments_keep_to_the_style_page(name: str) -> None:
    found = faults_of_package(name)
    assert not found, "\n".join(found)


@pytest.mark.parametrize("name", CHECKED_COMMANDS)
def test_help_texts_keep_to_the_style_page(name: str) -> None:
    found = faults_of_command(name)
    assert not found, "\n".join(found)


def test_packages_and_commands_are_checked() -> None:
    assert {"deep_semantic_coding", "dsc_common", "dsc_server", "dsc_demo"} <= set(CHECKED_PACKAGES)
    assert {"dsc-server", "dsc-channel", "dsc-device"} <= set(CHECKED_COMMANDS)


@pytest.mark.parametrize(
    "text",
    [
        "By hard decisions 17 % are right.",
        "sent by\n  BPSK",
        "a share of the transmissions",
        "the likelier label, the surer slot",
        "nothing is computed anew",
        "Certificates that vouch for it.",
        "the bits are of no use here",
        "`--help` on each command tells the rest",
        "a line, that says it",
        "the commands know every scheme",
        "so that a is b. Then c is done so that d is e.",
    ],
)
def test_habits_are_found(text: str) -> None:
    assert faults(text)


@pytest.mark.parametrize(
    "text",
    [
        "modulated with BPSK, ranked by likelihood",
        "two processes share one file",
        "the receiver knows σ²",
        "your own photos",
        "that is, that way",
        "a is b so that c is d.\n\nIn another paragraph e is f so that g is h.",
        f"anew <!-- {ALLOW} -->",
    ],
)
def test_good_prose_passes(text: str) -> None:
    assert faults(text) == []


def test_a_fault_names_its_line() -> None:
    (fault,) = faults("one\ntwo anew\nthree", first_line=10)
    assert (fault.line, fault.found, fault.better) == (11, "anew", "again")


def test_code_in_markdown_is_no_prose_and_lines_stay() -> None:
    text = "a `by BPSK` b\n\n    by BPSK\n\n    anew\n\nc\n\n```\nby BPSK\n```\nend by BPSK\n"
    (fault,) = faults(markdown_prose(text))
    assert fault.line == text.count("\n")


def test_docstrings_and_comment_blocks_are_read_with_their_lines() -> None:
    function = 'def f():\n    """Doc\n    string."""\n    # one\n    # two\n    x = "# no"  # three\n'
    source = f'"""Module."""\n\n\n{function}'
    assert dict(python_prose(source)) == {1: "Module.", 5: "Doc\n    string.", 7: "one\ntwo\nthree"}


def test_the_changelog_is_read_from_a_version_on() -> None:
    text = "# Changelog\n\n## Unreleased\n\nnew\n\n## 0.2.0\n\ntwo\n\n## 0.1.0\n\nold\n"
    assert changelog_since(text, "0.2.0") == "## Unreleased\n\nnew\n\n## 0.2.0\n\ntwo\n\n"
    assert changelog_since(text, "0.3.0") == ""


def test_every_habit_has_better_wording() -> None:
    assert all(habit.better for habit in HABITS)
