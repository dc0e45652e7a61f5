"""`dsc-device camera` with a program in place of rpicam-still, from a trigger to the answer."""

import stat
import subprocess
import sys
from pathlib import Path

import pytest

from dsc_demo.processes import python_module
from helpers import in_process
from helpers.real_processes import Running, System, json_lines

PROGRAM = """#!{python}
import shutil, sys
shutil.copyfile({photo!r}, sys.argv[sys.argv.index("--output") + 1])
"""


def test_each_line_is_a_photo_and_an_answer(
    system: System, running: Running, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "bin" / "rpicam-still"
    program.parent.mkdir()
    program.write_text(PROGRAM.format(python=sys.executable, photo=str(system.queries[0])))
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", str(program.parent))
    places = ("--server", running.server.address, "--channel", running.channel.address)
    command = ("camera", "--on-line", *places, "--cache", str(tmp_path / "cache"))
    words = ("--state", str(tmp_path / "state"), "--keep", str(tmp_path / "kept"))
    with (tmp_path / "lines").open("w+") as lines:
        lines.write("now\n")
        lines.seek(0)
        done = subprocess.run(
            python_module("dsc_device", *command, *words),
            stdin=lines,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
    assert (done.returncode, done.stderr) == (0, "")
    (answer,) = json_lines(done.stdout)
    (kept,) = (tmp_path / "kept").iterdir()
    assert answer["query"] == str(kept)
    assert answer["results"][0]["image_id"].startswith("photos/")


def test_a_line_without_a_photo_is_an_exit_code(
    running: Running, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "bin" / "rpicam-still"
    program.parent.mkdir()
    program.write_text(f"#!{sys.executable}\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", str(program.parent))
    places = ("--server", running.server.address, "--channel", running.channel.address)
    words = ("--cache", str(tmp_path / "cache"), "--state", str(tmp_path / "state"))
    done = subprocess.run(
        python_module("dsc_device", "camera", "--on-line", *places, *words),
        input="now\n",
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    failure = f"error: {program} left no photo: no such photo\n"
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == 3 * failure + "error: 1 of 1 photos could not be taken\n"


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (
            ("--on-line", "--camera", __file__),
            f"error: --camera: expected csi or a V4L2 device, got a file: {__file__}\n",
        ),
        (
            ("--trigger", "nowhere/now", "--camera", "/dev/null"),
            "error: --trigger: expected a file in a folder that exists, got nowhere/now\n",
        ),
        ((), "error: expected one of --every-s, --on-line and --trigger\n"),
        (("--on-line", "--every-s", "3"), "error: expected one of --every-s, --on-line and --trigger\n"),
        (
            ("--on-line", "--size", "640"),
            "error: --size: expected WIDTHxHEIGHT, each from 16 to 16384, got '640'\n",
        ),
        (
            ("--on-line", "--camera", "csi"),
            "error: --camera csi: expected rpicam-still or libcamera-still on the PATH, found neither\n",
        ),
    ],
)
def test_wrong_words_are_refused(
    words: tuple[str, ...], line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    done = in_process.run("dsc_device", "camera", *words)
    assert (done.returncode, done.stderr) == (2, line)
