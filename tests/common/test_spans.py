"""Spans: time belongs to the innermost step, adds up to the whole, and is not read when nobody records."""

import threading

import pytest

from dsc_common import spans
from dsc_common.spans import OTHER, recorded, span


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """A clock that each reading moves on by the first number of the list."""
    state = [1.0, 0.0]

    def read() -> float:
        state[1] += state[0]
        return state[1]

    monkeypatch.setattr(spans.time, "perf_counter", read)
    return state


def test_nested_steps_by_hand(clock: list[float]) -> None:
    with recorded() as found, span("outer"), span("inner"):
        pass
    # One second each: before outer, in outer, in inner, in outer again, after it.
    assert found.seconds == {OTHER: 2.0, "outer": 2.0, "inner": 1.0}


def test_a_decorated_function_is_a_step_each_time(clock: list[float]) -> None:
    @span("work")
    def work() -> int:
        return 7

    with recorded() as found:
        assert work() + work() == 14
    assert found.seconds["work"] == 2.0
    assert sum(found.seconds.values()) == clock[1] - 1.0  # all time since the recorder began


def test_an_error_ends_its_step(clock: list[float]) -> None:
    with recorded() as found:
        with pytest.raises(ValueError, match="no"), span("fails"):
            raise ValueError("no")
        with span("next"):
            pass
    assert set(found.seconds) == {OTHER, "fails", "next"}


def test_nobody_records_and_no_clock_is_read(clock: list[float]) -> None:
    with span("alone"):
        pass
    assert clock[1] == 0.0


def test_threads_do_not_record_for_each_other() -> None:
    def work() -> None:
        with span("thread"):
            pass

    with recorded() as found:
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
    assert "thread" not in found.seconds
