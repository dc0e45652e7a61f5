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
