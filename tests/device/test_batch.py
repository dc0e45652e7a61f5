"""A batch of photos: which are sent, what is said of those that fail, and when the batch ends early."""

import contextlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from dsc_common.errors import (
    DamagedIndexError,
    DeadlineError,
    DscError,
    InvalidImageError,
    OverloadedError,
    UnreachableError,
)
from dsc_common.radio.link import LinkReport
from dsc_common.radio.modes import Mode
from dsc_common.retrieval.results import RankedResults
from dsc_device.batch import MAX_UNREACHABLE, ask_all
from dsc_device.photos import QueryPhoto
from dsc_device.querying import Answer

ANSWER = Answer(
    "", b"", "code", [], [], RankedResults([], 0, [], False), LinkReport(Mode.BPSK, 5.0, 0, 0, 0, 0, True)
)


class Asked:
    """A querier that fails as it is told to, and what a batch made of it."""

    def __init__(self, photos: Path, failures: dict[int, DscError], count: int = 6) -> None:
        self.photos = [QueryPhoto(photos / "even" / "00.png", f"photo {number}") for number in range(count)]
        self.failures, self.asked, self.answered, self.connections = failures, 0, [], 0

    @contextlib.contextmanager
    def open(self) -> Iterator[Any]:
        self.connections += 1
        yield self

    def query(self, path: Path, request_id: str | None) -> Answer:
        assert request_id == "an id"
        number, self.asked = self.asked, self.asked + 1
        if number in self.failures:
            raise self.failures[number]
        return replace(ANSWER, query=str(path))

    def run(self) -> int:
        return ask_all(self.photos, self.open, "an id", lambda answer: self.answered.append(answer.query))


@pytest.mark.parametrize(
    "error",
    [
        DeadlineError("channel at x did not answer within 3 s"),
        OverloadedError("channel at x is overloaded"),
        DamagedIndexError("the codebook arrived damaged"),
        DscError("channel at x failed (INTERNAL): internal error"),
    ],
)
def test_a_photo_that_fails_gets_a_line_and_the_others_are_sent(
    error: DscError, photos: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = Asked(photos, dict.fromkeys((1, 2, 3, 4), error))
    assert asked.run() == 4
    assert asked.answered == ["photo 0", "photo 5"]
    assert capsys.readouterr().err.splitlines() == [f"error: photo {n}: {error}" for n in (1, 2, 3, 4)]


def test_services_that_stay_away_end_the_batch(photos: Path, capsys: pytest.CaptureFixture[str]) -> None:
    away = UnreachableError("channel at x does not answer")
    asked = Asked(photos, dict.fromkeys((0, 1, 3, 4, 5), away), count=20)
    assert asked.run() == 19
    assert asked.answered == ["photo 2"]
    assert asked.asked == 6 == 3 + MAX_UNREACHABLE
    assert capsys.readouterr().err.count("\n") == 5


def test_one_photo_alone_needs_no_name(photos: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked = Asked(photos, {0: UnreachableError("channel at x does not answer")}, count=1)
    assert asked.run() == 1
    assert capsys.readouterr().err == "error: channel at x does not answer\n"


def test_a_photo_that_cannot_be_read_is_named_once(photos: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = photos / "even" / "00.png"
    asked = Asked(photos, {1: InvalidImageError(f"cannot read {path}: truncated")})
    assert asked.run() == 1
    assert capsys.readouterr().err == "error: cannot read photo 1: truncated\n"


def test_nothing_is_connected_for_photos_that_cannot_be_read(
    tmp_path: Path, photos: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = Asked(photos, {})
    asked.photos = [QueryPhoto(tmp_path / "absent.jpg", name) for name in ("a", "b")]
    assert (asked.run(), asked.connections) == (2, 0)
    assert capsys.readouterr().err.splitlines() == ["error: no such photo: a", "error: no such photo: b"]
    asked.photos = []
    assert (asked.run(), asked.connections) == (0, 0)
