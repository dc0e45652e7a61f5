"""All lines go through one module, which escapes what is unsafe and survives closed and full streams."""

import ast
import errno
import io
import sys
from pathlib import Path
from typing import Any, NoReturn

import pytest

from dsc_common.cli.streams import MAX_LINE, announce, say, show

ROOT = Path(__file__).parents[3]
PACKAGES = ("api", "common", "device", "channel", "model", "server", "evaluation", "demo")
STREAMS = ROOT / "common" / "dsc_common" / "cli" / "streams.py"
HELP = ROOT / "common" / "dsc_common" / "cli" / "app.py"  # prints help texts, of several lines


class Full(io.StringIO):
    """A stream without room."""

    def write(self, _text: str) -> NoReturn:
        raise OSError(errno.ENOSPC, "No space left on device")


def prints(path: Path) -> bool:
    calls = (node.func for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call))
    names = {ast.unparse(function) for function in calls}
    return bool(names & {"print", "typer.echo", "sys.stdout.write", "rich.print"})


def test_no_other_module_prints() -> None:
    modules = {path for package in PACKAGES for path in (ROOT / package).rglob("*.py")}
    assert len(modules) > 100
    assert {path for path in modules if prints(path)} == {STREAMS, HELP}


def test_a_line_is_one_printable_line(capsys: pytest.CaptureFixture[str]) -> None:
    say("left out: a\x1b[31m\nb\udcff")
    assert capsys.readouterr().err == "left out: a\\x1b[31m\\nb\\xff\n"


@pytest.mark.parametrize("stream", [None, Full()])
def test_a_line_that_nobody_can_read_is_lost(
    stream: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stderr", stream)
    say("a line")
    assert capsys.readouterr().out == ""


def test_a_full_stdout_is_named_and_a_service_goes_on(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdout", Full())
    with pytest.raises(OSError, match="No space left on device: 'standard output'"):
        show("results")
    announce("listening on 127.0.0.1:1")
    assert capsys.readouterr().err == "note: cannot write to standard output: No space left on device\n"


def test_the_middle_of_a_very_long_line_is_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    say("begin" + 100_000 * "x" + "end")
    line = capsys.readouterr().err
    assert len(line) == MAX_LINE + 1
    assert line.startswith("beginx")
    assert line.endswith("xend\n")
    say(MAX_LINE * "x")
    assert capsys.readouterr().err == MAX_LINE * "x" + "\n"
