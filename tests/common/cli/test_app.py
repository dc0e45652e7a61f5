"""A command ends with one line and exit code 1 on SIGHUP and on a full disk."""

import errno
import signal
import subprocess
import sys

import pytest

PROGRAM = """
import signal, sys, typer
from dsc_common.cli.app import run_app
app = typer.Typer()
@app.command()
def wait() -> None:
    try:
        print("ready", flush=True)
        sys.stdin.read()
        print("read", flush=True)
    finally:
        print("cleared away", flush=True)
run_app(app)
"""


@pytest.mark.parametrize("ignored", [False, True])
def test_sighup_ends_a_command_as_sigterm_does_unless_it_is_ignored(ignored: bool) -> None:
    prefix = "import signal; signal.signal(signal.SIGHUP, signal.SIG_IGN)\n" if ignored else ""
    with subprocess.Popen(
        [sys.executable, "-c", prefix + PROGRAM],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGHUP)
        out, err = process.communicate(timeout=60)
    if ignored:  # as under nohup
        assert (out, err, process.returncode) == ("read\ncleared away\n", "", 0)
    else:
        assert (out, err, process.returncode) == ("cleared away\n", "error: interrupted\n", 1)


def test_a_copy_without_room_is_named_by_its_target() -> None:
    program = (
        "import typer\nfrom dsc_common.cli.app import run_app\napp = typer.Typer()\n"
        "@app.command()\ndef copy() -> None:\n"
        f"    raise OSError({errno.ENOSPC}, 'No space left on device', 'from', None, 'to')\nrun_app(app)"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (ended.stderr, ended.returncode) == ("error: No space left on device: to\n", 1)


@pytest.mark.parametrize(
    ("text", "line"), [("", ""), ("Unable to allocate 2 PiB", ": Unable to allocate 2 PiB")]
)
def test_too_little_memory_is_one_line(text: str, line: str) -> None:
    program = (
        "import typer\nfrom dsc_common.cli.app import run_app\napp = typer.Typer()\n"
        f"@app.command()\ndef take() -> None:\n    raise MemoryError({text!r})\nrun_app(app)"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (ended.stderr, ended.returncode) == (f"error: not enough memory{line}\n", 1)


WRONG = """
import enum, typer
from pathlib import Path
from typing import Annotated
from dsc_common.cli.app import run_app
from dsc_common.cli.paths import path_of
class Kind(enum.StrEnum):
    ONE = "one"
    TWO = "two"
app = typer.Typer()
@app.command()
def take(
    seconds: Annotated[float | None, typer.Option("--seconds", "-s", min=0.5, max=1000)] = None,
    low: Annotated[int, typer.Option(min=1)] = 1,
    number: int = typer.Option(None),
    kind: Kind = Kind.ONE,
    place: Annotated[Path | None, typer.Option(parser=path_of)] = None,
    size: Annotated[int, typer.Argument()] = 1,
) -> None:
    raise SystemExit(3)
run_app(app)
"""


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (("--seconds", "nan"), "--seconds: expected a number from 0.5 to 1,000, got 'nan'"),
        (("--seconds=inf",), "--seconds: expected a number from 0.5 to 1,000, got 'inf'"),
        (("-s", "-inf"), "--seconds: expected a number from 0.5 to 1,000, got '-inf'"),
        (("-s", "1", "-s", "many"), "--seconds: expected a number from 0.5 to 1,000, got 'many'"),
        (("--low", "0"), "--low: expected a whole number from 1, got '0'"),
        (("--number", "1.5"), "--number: expected a whole number, got '1.5'"),
        (("--number", ""), "--number: expected a whole number, got ''"),
        (("--kind", "half"), "--kind: expected one of one, two, got 'half'"),
        (("--place", ""), "--place: expected a path, got an empty one"),
        (("--low", 300 * "x"), f"--low: expected a whole number from 1, got '{99 * 'x'} … {98 * 'x'}'"),
    ],
)
def test_a_wrong_value_has_the_words_of_a_wrong_setting(words: tuple[str, ...], line: str) -> None:
    program = [sys.executable, "-c", WRONG, *words]
    ended = subprocess.run(program, capture_output=True, text=True, check=False)
    assert (ended.stderr, ended.returncode) == (f"error: {line} (help: -c --help)\n", 2)
