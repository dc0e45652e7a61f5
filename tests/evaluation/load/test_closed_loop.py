"""The closed loop: what counts, how many are under way, and numbers that a plain oracle gives, too."""

import asyncio
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsc_eval.load import closed_loop
from dsc_eval.load.closed_loop import OK, Outcome, Plan, run
from dsc_eval.load.report import report

_STEPS = 4  # of the event loop, after which a client that got an answer waits for its next one


class FakeService:
    """Answers each request after a time that its number decides, on a clock of its own."""

    def __init__(self, latencies: list[float], statuses: list[str] | None = None) -> None:
        self.now = 0.0
        self.latencies, self.statuses = latencies, statuses or [OK]
        self.under_way: dict[int, int] = {}
        self.most = 0
        self.waiting: list[tuple[float, asyncio.Future[None]]] = []
        self.answers: list[tuple[float, float, str]] = []

    def clock(self) -> float:
        return self.now

    async def call(self, client: int, number: int) -> str:
        assert client not in self.under_way
        self.under_way[client] = number
        self.most = max(self.most, len(self.under_way))
        latency = self.latencies[number % len(self.latencies)]
        status = self.statuses[number % len(self.statuses)]
        done = asyncio.get_running_loop().create_future()
        self.waiting.append((self.now + latency, done))
        await done
        del self.under_way[client]
        self.answers.append((self.now, latency, status))
        return status

    async def drive(self) -> None:
        """Give one answer after the other, each when all clients wait."""
        while True:
            for _ in range(_STEPS):
                await asyncio.sleep(0)
            if self.waiting:
                due, done = min(self.waiting, key=lambda item: item[0])
                self.waiting.remove((due, done))
                self.now = due
                done.set_result(None)


def _run(service: FakeService, plan: Plan) -> Outcome:
    async def both() -> Outcome:
        driver = asyncio.create_task(service.drive())
        try:
            return await run(service.call, plan, service.clock)
        finally:
            driver.cancel()

    return asyncio.run(both())


@pytest.fixture(autouse=True)
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(closed_loop, "PAUSE_S", 0)


@given(
    clients=st.integers(1, 5),
    latencies=st.lists(st.floats(0.1, 3), min_size=1, max_size=6),
    seconds=st.floats(1, 20),
    warm_up_s=st.sampled_from([0.0, 2.5]),
)
def test_what_ends_within_the_time_counts(
    clients: int, latencies: list[float], seconds: float, warm_up_s: float
) -> None:
    service = FakeService(latencies)
    outcome = _run(service, Plan(clients, seconds, warm_up_s))
    inside = [latency for ended, latency, _ in service.answers if warm_up_s <= ended <= warm_up_s + seconds]
    assert outcome.latencies_s == pytest.approx(inside)
    assert outcome.statuses == ({OK: len(inside)} if inside else {})
    assert outcome.seconds == pytest.approx(seconds)
    assert outcome.sent == len(service.answers)
    assert service.most <= clients


def test_as_many_are_under_way_as_there_are_clients() -> None:
    service = FakeService([1.0])
    outcome = _run(service, Plan(7, 10.0))
    assert service.most == 7
    assert outcome.statuses == {OK: 70}


def test_a_number_of_requests_ends_the_measurement() -> None:
    service = FakeService([1.0])
    outcome = _run(service, Plan(2, math.inf, warm_up_s=3.5, requests=5))
    assert outcome.statuses == {OK: 5}
    assert outcome.seconds == pytest.approx(6.0 - 3.5)  # two each second from the 4th on
    assert outcome.sent > 5


def test_errors_count_by_status_and_have_no_latency() -> None:
    service = FakeService([1.0], [OK, OK, "UNAVAILABLE", "INTERNAL"])
    outcome = _run(service, Plan(1, math.inf, requests=8))
    assert outcome.statuses == {OK: 4, "UNAVAILABLE": 2, "INTERNAL": 2}
    made = report(outcome, 1)
    assert (made.answered, made.errors) == (4, 4)
    assert made.per_second == pytest.approx(4 / 8)


def test_nothing_that_ends_in_time_is_a_report_without_latencies() -> None:
    made = report(_run(FakeService([5.0]), Plan(2, 1.0)), 2)
    assert (made.answered, made.errors, made.per_second) == (0, 0, 0.0)
    assert made.p50_ms is None
    assert made.row()["p99_ms"] == ""


@given(st.lists(st.floats(1e-4, 10), min_size=1, max_size=300))
def test_percentiles_are_those_of_a_sorted_list(latencies: list[float]) -> None:
    made = report(Outcome(np.array(latencies), {OK: len(latencies)}, 2.0, 0.5, 400), 3)
    ordered = sorted(1e3 * latency for latency in latencies)
    for value, fraction in ((made.p50_ms, 0.5), (made.p90_ms, 0.9), (made.p99_ms, 0.99), (made.max_ms, 1)):
        least = next(
            each for number, each in enumerate(ordered, 1) if number >= fraction * len(ordered) - 1e-9
        )
        assert value == pytest.approx(least, abs=1e-3)
    assert made.per_second == pytest.approx(len(latencies) / 2, abs=1e-3)
    assert made.generator_busy == 0.25


def test_a_call_that_raises_ends_the_load() -> None:
    async def call(_client: int, _number: int) -> str:
        raise RuntimeError("broken")

    with pytest.raises(ExceptionGroup, match="TaskGroup") as raised:
        asyncio.run(run(call, Plan(2, 1.0)))
    assert isinstance(raised.value.exceptions[0], RuntimeError)
