"""A signal while a command still imports its modules: one line, exit code 1, and never swallowed."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

ROLES = ("dsc_device", "dsc_channel", "dsc_server", "dsc_eval", "dsc_demo", "dsc_common.healthcheck")
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
# Stands before the real package of that name: sends the signal from within the import of a command, where an
# exception would be swallowed; the command must not get any further.
SENDS = """
import os
try:
    os.kill(os.getpid(), {number})
    for _ in range(1000):
        pass
except BaseException:
    print("an exception in an import")
print("went on")
"""
# A command whose body imports a module in which the signal comes, and is busy until it is interrupted.
LATER = """
import sys, time
import typer
from dsc_common.cli.app import run_app
app = typer.Typer()
@app.command()
def work() -> None:
    import sends
    print("imported", flush=True)
    while True:
        time.sleep(60)
run_app(app)
"""


def run_beside(folder: Path, module: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    code = f"import runpy, sys; sys.path.insert(0, {str(folder)!r}); sys.argv = sys.argv[1:]\n"
    code += f"runpy.run_module({module!r}, run_name='__main__', alter_sys=True)"
    command = [sys.executable, "-c", code, module, *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize("number", SIGNALS)
@pytest.mark.parametrize("role", ROLES)
def test_a_signal_during_the_imports_ends_the_command(
    role: str, number: signal.Signals, tmp_path: Path
) -> None:
    (tmp_path / "typer.py").write_text(SENDS.format(number=int(number)))
    done = run_beside(tmp_path, role, "--help")
    assert (done.returncode, done.stdout, done.stderr) == (1, "", "error: interrupted\n")


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_during_a_late_import_comes_after_it(number: signal.Signals, tmp_path: Path) -> None:
    (tmp_path / "sends.py").write_text(SENDS.format(number=int(number)))
    (tmp_path / "later.py").write_text(LATER)
    done = run_beside(tmp_path, "later")
    assert (done.returncode, done.stdout, done.stderr) == (1, "went on\nimported\n", "error: interrupted\n")


def test_a_second_signal_does_not_wait_for_an_import(tmp_path: Path) -> None:
    endless = """
import os, signal, sys
try:
    os.kill(os.getpid(), signal.SIGINT)
    for _ in range(1000):
        pass
    print("first", flush=True)
    os.kill(os.getpid(), signal.SIGINT)
    while True:
        pass
except BaseException as error:
    raise ImportError("initialization failed") from error
"""
    (tmp_path / "sends.py").write_text(endless)
    (tmp_path / "later.py").write_text(LATER)
    done = run_beside(tmp_path, "later")
    assert (done.returncode, done.stdout, done.stderr) == (1, "first\n", "error: interrupted\n")


def test_a_command_under_nohup_ignores_the_hangup(tmp_path: Path) -> None:
    (tmp_path / "sends.py").write_text(SENDS.format(number=int(signal.SIGHUP)))
    (tmp_path / "later.py").write_text(
        LATER.replace("while True:\n        time.sleep(60)", "raise SystemExit(7)")
    )
    code = "import signal; signal.signal(signal.SIGHUP, signal.SIG_IGN); import later"
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (7, "went on\nimported\n", "")


@pytest.mark.parametrize("role", ROLES)
def test_a_package_that_is_not_installed_is_named(role: str, tmp_path: Path) -> None:
    (tmp_path / "typer.py").write_text("raise ModuleNotFoundError(\"No module named 'typer'\")")
    done = run_beside(tmp_path, role, "--help")
    assert done.returncode == 1
    assert done.stderr.startswith("error: this command needs the extra `")
    assert done.stderr.endswith("` of deep-semantic-coding: No module named 'typer'\n")
