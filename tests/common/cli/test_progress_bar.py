"""Where there is no terminal, progress is a line after 30 s and then every minute."""

import contextlib
import os
import pty
import subprocess
import sys

import pytest

from dsc_common.cli.progress_bar import bar, lines


def test_lines_come_by_the_clock(capsys: pytest.CaptureFixture[str]) -> None:
    seconds = iter(range(0, 100_000, 10))  # an item each 10 s
    assert list(lines(range(1000), "extracting features", 1000, lambda: float(next(seconds)))) == list(
        range(1000)
    )
    said = capsys.readouterr().err.splitlines()
    assert said[0] == "extracting features: 1,000"
    assert said[1] == "extracting features: 2 of 1,000, 0.1 per second, 4 h 09 min left"
    assert [int(line.split()[2].replace(",", "")) for line in said[1:6]] == [2, 8, 14, 20, 26]
    assert said[-1].endswith(" s left")


def test_quick_work_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert list(bar("abc", "checking photos", 3)) == ["a", "b", "c"]
    assert capsys.readouterr().err == "checking photos: 3\n"


def test_a_slow_first_item_has_no_rate(capsys: pytest.CaptureFixture[str]) -> None:
    seconds = iter((0.0, 40.0, 50.0))
    list(lines("ab", "work", 2, lambda: next(seconds)))
    assert capsys.readouterr().err.splitlines() == ["work: 2", "work: 0 of 2"]


def test_a_long_line_beside_the_bar_of_a_terminal_stays_whole() -> None:
    line = f"left out: [bold]{'a' * 200}.jpg"
    program = (
        "import sys\nfrom dsc_common.cli.progress_bar import bar\nfrom dsc_common.cli.streams import say\n"
        "for item in bar([1], 'work', 1):\n    say(sys.argv[1])"
    )
    terminal, other_end = pty.openpty()
    environment = os.environ | {"COLUMNS": "80", "TERM": "xterm"}
    command = [sys.executable, "-c", program, line]
    with subprocess.Popen(command, stderr=other_end, env=environment) as process:
        os.close(other_end)
        shown = bytearray()
        with contextlib.suppress(OSError):  # the end of a terminal is an error
            while piece := os.read(terminal, 4096):
                shown += piece
    os.close(terminal)
    assert process.returncode == 0
    assert line in shown.decode()
    assert "1/1" in shown.decode()
