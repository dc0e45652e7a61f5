"""The open loop on a simulated clock: intended times, stalls, the bound on requests under way, lateness."""

import asyncio
from itertools import takewhile
from typing import Any

import numpy as np
import pytest
from scipy import stats

from dsc_common.randomness import keyed_rng
from dsc_eval.load import closed_loop
from dsc_eval.load.arrivals import poisson_arrivals
from dsc_eval.load.closed_loop import Plan, run
from dsc_eval.load.jobs import outcome_from_line, outcome_to_line
from dsc_eval.load.open_loop import OpenOutcome, OpenPlan, run_open
from dsc_eval.load.open_report import OpenReport, open_report
from dsc_eval.load.report import report
from helpers.simulated_time import SimulatedTime, SlowService


def _arrivals(per_second: float, seconds: float, seed: int) -> np.ndarray:
    rng = keyed_rng(seed, "arrivals", 0)
    return np.array(list(takewhile(lambda at: at < seconds, poisson_arrivals(per_second, rng))))


def _offer(service: SlowService, plan: OpenPlan, messages: int = 1) -> OpenOutcome:
    time = service.time
    return time.run(lambda: run_open(service.call, plan, messages, time.clock, time.sleep))


def _reported(service: SlowService, plan: OpenPlan) -> OpenReport:
    return open_report([_offer(service, plan)], plan.per_second)


def test_gaps_are_exponential_and_counts_are_poisson() -> None:
    times = _arrivals(200.0, 100.0, seed=3)
    gaps = np.diff(times)
    assert abs(len(times) - 20_000) < 4 * np.sqrt(20_000)
    assert stats.kstest(gaps, "expon", args=(0, 1 / 200)).pvalue > 0.01
    counts = np.histogram(times, bins=1000, range=(0, 100))[0]
    assert counts.var() / counts.mean() == pytest.approx(1, abs=4 * np.sqrt(2 / 1000))
    assert abs(np.corrcoef(gaps[:-1], gaps[1:])[0, 1]) < 4 / np.sqrt(len(gaps))


def test_arrivals_are_those_of_their_seed_and_generator() -> None:
    assert _arrivals(50.0, 10.0, 1).tolist() == _arrivals(50.0, 10.0, 1).tolist()
    assert _arrivals(50.0, 10.0, 1).tolist() != _arrivals(50.0, 10.0, 2).tolist()
    plans = [OpenPlan(50.0, 10.0, generator=number) for number in (0, 1)]
    first, second = (_offer(SlowService(SimulatedTime(), 0.01), plan).sent for plan in plans)
    assert first != second


def test_a_stall_shows_in_the_open_loop_and_hides_in_the_closed_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(closed_loop, "PAUSE_S", 0)
    stall, latency_s = (4.0, 5.0), 0.005
    time = SimulatedTime()
    service = SlowService(time, latency_s, stall)
    closed = report(time.run(lambda: run(service.call, Plan(1, 10.0), time.clock)), 1)
    assert closed.answered > 1700
    assert closed.p99_ms == pytest.approx(5.0)
    assert closed.max_ms is not None
    assert closed.max_ms > 900
    opened = _reported(SlowService(SimulatedTime(), latency_s, stall), OpenPlan(100.0, 10.0))
    assert opened.p50_ms == pytest.approx(5.0)
    assert opened.p99_ms is not None
    assert opened.p99_ms > 700  # a tenth of the requests waits, from 0 to 1 s


def test_latency_counts_from_the_intended_time_where_the_generator_stalls() -> None:
    time = SimulatedTime()
    service = SlowService(time, 0.005)
    slept = 0.0

    async def sleep(seconds: float) -> None:
        nonlocal slept
        is_late = slept < 2 <= time.now
        slept = time.now
        await time.sleep(seconds + (1.0 if is_late else 0.0))

    plan = OpenPlan(100.0, 5.0)
    outcome = time.run(lambda: run_open(service.call, plan, 1, time.clock, sleep))
    made = open_report([outcome], 100.0)
    assert made.late_max_ms is not None
    assert made.late_max_ms == pytest.approx(1000, rel=0.05)
    assert made.max_ms == pytest.approx(made.late_max_ms + 5)
    assert outcome.latencies_s == pytest.approx(outcome.late_s + 0.005)
    assert len(outcome.latencies_s) == len(_arrivals_of(plan))  # all are sent, though late


def _arrivals_of(plan: OpenPlan) -> list[float]:
    rng = keyed_rng(plan.seed, "arrivals", plan.generator)
    rng.integers(1)  # the first message
    ends = plan.warm_up_s + plan.seconds
    times = list(takewhile(lambda at: at < ends, poisson_arrivals(plan.per_second, rng)))
    return [at for at in times if at >= plan.warm_up_s]


@pytest.mark.parametrize("warm_up_s", [0.0, 3.0])
def test_each_intended_request_is_counted_once(warm_up_s: float) -> None:
    plan = OpenPlan(40.0, 6.0, warm_up_s, max_in_flight=8, seed=5)
    service = SlowService(SimulatedTime(), 0.3, statuses=("OK", "UNAVAILABLE", "OK"))
    made = _reported(service, plan)
    assert made.offered == len(_arrivals_of(plan))
    assert sum(made.statuses.values()) + made.not_sent == made.offered
    assert made.answered + made.errors + made.not_sent == made.offered
    assert made.not_sent > 0
    assert service.most == 8
    assert made.sent == service.calls


def test_the_bound_on_requests_under_way_is_that_of_all_generators() -> None:
    service = SlowService(SimulatedTime(), 100.0)
    made = _reported(service, OpenPlan(10.0, 10.0, max_in_flight=7))
    assert service.calls == service.most == 7
    assert made.not_sent == made.offered - 7


def test_answers_after_the_end_have_a_latency_but_are_not_in_time() -> None:
    """A service that answers half of the rate shows it, though all requests are answered in the end."""
    time = SimulatedTime()
    free_at = 0.0

    async def one_after_the_other(_number: int, _message: int) -> str:
        nonlocal free_at
        free_at = max(free_at, time.now) + 0.02
        await time.sleep(free_at - time.now)
        return "OK"

    plan = OpenPlan(100.0, 10.0)
    outcome = time.run(lambda: run_open(one_after_the_other, plan, 1, time.clock, time.sleep))
    made = open_report([outcome], 100.0)
    assert made.answered == made.offered
    assert made.per_second == pytest.approx(50, rel=0.02)


def test_messages_are_taken_in_turn() -> None:
    service = SlowService(SimulatedTime(), 0.01)
    outcome = _offer(service, OpenPlan(100.0, 3.0), messages=7)
    assert np.diff(service.messages).tolist() == [
        1 if message < 6 else -6 for message in service.messages[:-1]
    ]
    assert sorted(set(outcome.messages.tolist())) == list(range(7))


def test_outcomes_are_lines_and_reports_of_several_generators_are_those_of_all_requests() -> None:
    plans = [OpenPlan(60.0, 5.0, generator=number) for number in range(3)]
    outcomes = [
        _offer(SlowService(SimulatedTime(), 0.01 * (1 + place), statuses=("OK", "INTERNAL")), plan, 2)
        for place, plan in enumerate(plans)
    ]
    lines = [outcome_to_line(each) for each in outcomes]
    assert not any("\n" in line for line in lines)
    made = open_report([outcome_from_line(line) for line in lines], 180.0, [0, 1], ["even", "odd"])
    assert made == open_report(outcomes, 180.0, [0, 1], ["even", "odd"])
    assert made.generators == 3
    assert made.offered == sum(len(each.latencies_s) for each in outcomes)
    assert made.p50_ms == pytest.approx(20)
    assert made.max_ms == pytest.approx(30)
    assert sum(kind.requests for kind in made.kinds) == made.offered
    assert sum(kind.answered for kind in made.kinds) == made.answered


def test_nothing_in_the_time_is_a_report_without_latencies() -> None:
    made = _reported(SlowService(SimulatedTime(), 1.0), OpenPlan(0.01, 1.0))
    assert (made.offered, made.answered, made.p99_ms, made.late_p99_ms) == (0, 0, None, None)
    assert made.row()["p99_ms"] == ""


def test_a_call_that_raises_ends_the_load() -> None:
    async def call(_number: int, _message: int) -> Any:
        raise RuntimeError("broken")

    with pytest.raises(ExceptionGroup):
        asyncio.run(run_open(call, OpenPlan(1000.0, 1.0)))
