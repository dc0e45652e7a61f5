"""What README and docs refer to exists: files, anchors, options, variables, targets, functions."""

import ast
import re
import tomllib
from pathlib import Path

import pytest

from dsc_channel.settings import ChannelSettings
from dsc_device.settings import DeviceSettings
from dsc_server.settings import ServerSettings
from helpers.commands import COMMANDS, all_options, environment_variables, unknown_words
from helpers.markdown import (
    anchors,
    broken_links,
    command_lines_of,
    inline_code,
    make_targets_of,
    missing_paths,
)

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
DOCUMENTS = [
    *(path for path in sorted(ROOT.glob("*.md")) if path.name != "CHANGELOG.md"),
    *sorted(DOCS.rglob("*.md")),
]
each_document = pytest.mark.parametrize(
    "path", DOCUMENTS, ids=[path.relative_to(ROOT).as_posix() for path in DOCUMENTS]
)
LONGEST_LINE = 100
SETTINGS = {"DSC_SERVER_": ServerSettings, "DSC_CHANNEL_": ChannelSettings, "DSC_DEVICE_": DeviceSettings}
VARIABLES = {prefix + name.upper() for prefix, kind in SETTINGS.items() for name in kind.model_fields}


@each_document
def test_lines_end_at_column_100(path: Path) -> None:
    lines = path.read_text().split("\n")
    assert [
        f"{number}: {len(line)} columns"
        for number, line in enumerate(lines, start=1)
        if len(line) > LONGEST_LINE and not line.startswith("|") and "](" not in line and "://" not in line
    ] == []


@each_document
def test_links_and_images_lead_somewhere(path: Path) -> None:
    assert broken_links(path) == []


@each_document
def test_paths_exist(path: Path) -> None:
    assert missing_paths(path.read_text()) == []


@each_document
def test_commands_have_the_options_that_are_named(path: Path) -> None:
    lines = command_lines_of(path.read_text(), frozenset(COMMANDS))
    assert [word for line in lines for word in unknown_words(line)] == []


@each_document
def test_options_that_are_named_alone_belong_to_some_command(path: Path) -> None:
    named = {code.split()[0] for code in inline_code(path.read_text()) if code.startswith("--")}
    assert {name.split("=")[0] for name in named} - all_options() == set()


@each_document
def test_tables_have_a_heading(path: Path) -> None:
    lines = ["", *path.read_text().split("\n"), ""]
    starts = [
        lines[n : n + 2] for n in range(1, len(lines) - 1) if lines[n][:1] == "|" and lines[n - 1][:1] != "|"
    ]
    assert [row for row, rule in starts if not re.fullmatch(r"[|: -]*-[|: -]*", rule)] == []


@each_document
def test_make_targets_exist(path: Path) -> None:
    targets = set(re.findall(r"(?m)^([a-z][a-z0-9-]*):", (ROOT / "Makefile").read_text()))
    assert make_targets_of(path.read_text()) - targets == set()


@each_document
def test_environment_variables_exist(path: Path) -> None:
    named = set(re.findall(r"\bDSC_(?:SERVER|CHANNEL|DEVICE)_[A-Z_]*[A-Z]\b", path.read_text()))
    assert named - VARIABLES - environment_variables() == set()


def test_every_setting_is_documented() -> None:
    text = (DOCS / "operating.md").read_text()
    assert [name for name in sorted(VARIABLES | environment_variables()) if f"`{name}`" not in text] == []


def test_the_readme_has_800_to_950_words() -> None:
    assert 800 <= len((ROOT / "README.md").read_text().split()) <= 950


def test_the_index_of_the_docs_lists_every_page() -> None:
    for folder in (DOCS, DOCS / "adr"):
        text = (folder / "README.md").read_text()
        pages = {path.name for path in folder.glob("*.md")} - {"README.md"}
        assert {page for page in pages if f"({page})" not in text} == set()


def test_equations_have_their_functions() -> None:
    rows = re.findall(r"\| `([\w/]+\.py)` \| `(\w+)` \|", (DOCS / "paper.md").read_text())
    assert len(rows) > 10
    assert [f"{path}: {name}" for path, name in rows if name not in _defined_in(ROOT / path)] == []


def _defined_in(path: Path) -> set[str]:
    body = ast.parse(path.read_text()).body
    return {node.name for node in body if isinstance(node, ast.FunctionDef | ast.ClassDef)}


def test_every_dependency_has_its_licence_listed() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    lists = (project["dependencies"], *project["optional-dependencies"].values())
    names = set(re.findall(r"(?m)^[\w-]+", "\n".join(line for lines in lists for line in lines)))
    listed = set(re.findall(r"[\w-]+", (ROOT / "THIRD_PARTY.md").read_text()))
    assert names - listed - {project["name"]} == set()


def test_versions_agree() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert f"\nversion: {version}\n" in (ROOT / "CITATION.cff").read_text()


def test_anchors_follow_the_rule_of_github() -> None:
    text = "# Two words\n\n## `code`, and *more*: 3 %\n\n## Two words\n\n```\n# no heading\n```\n"
    assert anchors(text) == {"two-words", "code-and-more-3-", "two-words-1"}


def test_a_wrong_option_or_sub_command_is_noticed() -> None:
    text = "    dsc/bin/dsc-server serve --index DIR --nothing && dsc-channel listen   # --ignored\n"
    lines = list(command_lines_of(text, frozenset(COMMANDS)))
    assert [word for line in lines for word in unknown_words(line)] == [
        "dsc-server serve --nothing",
        "dsc-channel listen",
    ]


def test_a_missing_path_is_noticed() -> None:
    text = "`docs/nothing.md`, `receiving/joint.py`, `receiving/nothing.py`, `gallery/photos`, `results/NAME`"
    assert missing_paths(text) == ["docs/nothing.md", "receiving/nothing.py"]
