"""Times of the steps of a call: which step has which time, by a clock that the work itself moves."""

import asyncio
from collections.abc import Callable
from typing import TypeVar

import pytest

from dsc_common import spans
from dsc_common.observing import laps as laps_module
from dsc_common.observing.laps import Laps
from dsc_common.spans import span
from dsc_common.steps import Steps, finished

Result = TypeVar("Result")


class Clock:
    """Seconds that pass when work says so."""

    def __init__(self) -> None:
        self.now = 0.0

    def perf_counter(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    for module in (laps_module, spans):
        monkeypatch.setattr(module, "time", clock)
    return clock


def work(clock: Clock, *, fails: bool = False) -> Steps[str]:
    with span("demodulate"):
        clock.now += 1
    clock.now += 2
    with span("codes"):
        clock.now += 4
    yield
    clock.now += 8
    if fails:
        raise ValueError("no")
    return "answer"


def test_steps_of_a_generator(clock: Clock) -> None:
    laps = Laps(_begun=clock.now)
    steps = laps.of_steps(work(clock), ("decode", "rank"), "demodulate")
    clock.now += 16
    next(steps)
    clock.now += 32  # the others of the batch have their turn
    assert finished(steps) == "answer"
    laps.rest("batch")
    assert laps.seconds == {"queue": 16, "demodulate": 1, "decode": 6, "rank": 8, "batch": 32}


def test_a_step_that_fails_has_its_time(clock: Clock) -> None:
    laps = Laps()
    with pytest.raises(ValueError, match="no"):
        finished(laps.of_steps(work(clock, fails=True), ("decode", "rank"), "demodulate"))
    assert laps.seconds["rank"] == 8


def test_work_in_a_thread_and_waiting(clock: Clock) -> None:
    async def thread(function: Callable[[], Result]) -> Result:
        clock.now += 1
        return function()

    async def pause(seconds: float) -> None:
        clock.now += seconds

    @span("transmit")
    def transmit() -> str:
        clock.now += 2
        return "signal"

    async def call() -> list[str]:
        sent = [await laps.in_thread(thread, transmit) for _ in range(2)]
        await laps.around("latency", pause)(4)
        return sent

    laps = Laps()
    assert asyncio.run(call()) == ["signal", "signal"]
    assert laps.seconds == {"queue": 2, "transmit": 4, "latency": 4}
