"""Where there is no terminal, progress is a line after 30 s and then every minute."""

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
