"""The rate of each caller, with a clock that the test sets: bursts, an even rate, and how long to wait."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsc_common.errors import OverloadedError
from dsc_common.serving.rate import RateLimit


class Clock:
    now = 50.0

    def __call__(self) -> float:
        return self.now


def passes(limit: RateLimit, caller: str = "a") -> bool:
    try:
        limit.require(caller)
    except OverloadedError:
        return False
    return True


def test_a_burst_of_a_second_passes_and_then_the_rate() -> None:
    clock = Clock()
    limit = RateLimit(8.0, clock=clock)
    assert [passes(limit) for _ in range(10)] == [True] * 8 + [False] * 2
    clock.now += 0.125
    assert [passes(limit) for _ in range(2)] == [True, False]
    clock.now += 100.0  # silence saves no more than one burst
    assert sum(passes(limit) for _ in range(30)) == 8


def test_the_line_says_how_long_to_wait_and_that_is_enough() -> None:
    clock = Clock()
    limit = RateLimit(4.0, clock=clock)
    for _ in range(4):
        limit.require("a")
    with pytest.raises(OverloadedError) as caught:
        limit.require("a")
    line = "4 requests per second are allowed to each client; the next one is in 250 ms"
    assert str(caught.value) == line
    assert caught.value.retry_after_s == 0.25
    clock.now += caught.value.retry_after_s
    assert passes(limit)


def test_each_caller_has_its_own_rate() -> None:
    limit = RateLimit(2.0, clock=Clock())
    assert [passes(limit, caller) for caller in "aabbab"] == [True] * 4 + [False] * 2


def test_a_rate_below_one_per_burst_lets_one_pass() -> None:
    clock = Clock()
    limit = RateLimit(0.1, clock=clock)
    assert [passes(limit) for _ in range(2)] == [True, False]
    clock.now += 10.0
    assert [passes(limit) for _ in range(2)] == [True, False]


def test_zero_is_no_limit() -> None:
    limit = RateLimit(0.0, clock=Clock())
    assert all(passes(limit) for _ in range(10_000))


def test_callers_that_sent_last_are_remembered() -> None:
    limit = RateLimit(1.0, most_callers=2, clock=Clock())
    assert [passes(limit, caller) for caller in "abba"] == [True, True, False, False]
    assert passes(limit, "c")  # in place of a, which sent before b
    assert not passes(limit, "b")
    assert passes(limit, "a")


@given(
    per_s=st.sampled_from([0.5, 1.0, 3.0, 10.0]),
    gaps_s=st.lists(st.floats(0.0, 2.0), min_size=1, max_size=60),
)
def test_no_window_has_more_than_its_rate_and_one_burst(per_s: float, gaps_s: list[float]) -> None:
    clock = Clock()
    limit = RateLimit(per_s, clock=clock)
    times = []
    for gap_s in gaps_s:
        clock.now += gap_s
        if passes(limit):
            times.append(clock.now)
    for first in range(len(times)):
        spans = np.array(times[first:]) - times[first]
        most = np.maximum(per_s, 1.0) + per_s * spans
        assert np.all(np.arange(1, len(spans) + 1) <= most + 1e-6)
