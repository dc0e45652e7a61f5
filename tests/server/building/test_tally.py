"""What a build leaves out gets a line up to a bound, and a total."""

from pathlib import Path

import pytest

from dsc_common.errors import InvalidImageError
from dsc_common.features.kinds import kind_of
from dsc_common.files.walk import Passed
from dsc_server.building.tally import LINES, UNREADABLE, Tally


def test_the_first_lines_of_a_reason_then_its_number() -> None:
    said: list[str] = []
    tally = Tally(said.append)
    for number in range(LINES + 30):
        tally.unreadable(InvalidImageError(f"cannot read {number}"))
    tally.passed(Passed.BROKEN_LINK, Path("x"), "leads to y")
    assert said == [
        *(f"left out: cannot read {number}" for number in range(LINES)),
        f"left out: more {UNREADABLE}; their number comes at the end",
        "left out: x: leads to y",
    ]
    said.clear()
    tally.say_totals()
    assert said == [
        f"left out in all: photos that cannot be read: {LINES + 30}, broken links: 1",
        "features: 0 kept, 0 extracted",
    ]


def test_what_is_no_loss_is_only_counted() -> None:
    said: list[str] = []
    tally = Tally(said.append, strict=True)
    for reason in (Passed.HIDDEN, Passed.LITTER, Passed.TWICE, Passed.SPECIAL, Passed.EXCLUDED):
        tally.passed(reason, Path("x"), "")
    tally.no_photo(Path("notes.txt"))
    raw = kind_of(b"FUJIFILMCCD-RAW 0201")
    assert raw is not None
    for _ in range(3):
        tally.not_read(raw)
    assert said == []
    assert tally.as_dict() == {
        "features_kept": 0,
        "features_extracted": 0,
        "left_out": {"camera raw (RAF) photos": 3},
        "passed_over": {
            "hidden files and folders": 1,
            "thumbnails, bins and other by-products of a system": 1,
            "files and folders that were reached before": 1,
            "pipes, sockets and devices": 1,
            "excluded files and folders": 1,
            "other files": 1,
        },
    }


def test_a_pattern_that_excludes_nothing_is_named() -> None:
    said: list[str] = []
    tally = Tally(said.append)
    tally.passed(Passed.EXCLUDED, Path("x/raw"), "raw/")
    tally.say_unused(["raw/", "*.PNG"])
    assert said == ["--exclude *.PNG: nothing has this name or path"]


def test_a_strict_build_stops_at_the_first_loss() -> None:
    tally = Tally(pytest.fail, strict=True)
    with pytest.raises(InvalidImageError, match=r"^x: leads to y \(without --strict, it is left out\)$"):
        tally.passed(Passed.BROKEN_LINK, Path("x"), "leads to y")
