"""The search for the highest rate on curves with a known limit, and verdicts on steps."""

import math
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsc_eval.load.open_report import OpenReport
from dsc_eval.load_test.bottleneck import bottleneck
from dsc_eval.load_test.ramp import Ramp, RampPlan, find_limit
from dsc_eval.load_test.step import Bound, Step, Verdict, judge
from dsc_eval.load_test.uses import OTHERS, ProcessUse
from helpers.load_reports import a_report

BOUND = Bound(50.0)


def _queue(rate: float, capacity: float) -> float:
    """99th percentile in ms of the time in an M/M/1 queue."""
    return math.inf if rate >= capacity else 1e3 * math.log(100) / (capacity - rate)


def _service(capacity: float, disturbed: Callable[[int], bool] = lambda _: False) -> Callable[[float], Step]:
    calls = 0

    def measure(rate: float) -> Step:
        nonlocal calls
        calls += 1
        p99_ms = min(_queue(rate, capacity), 1e6) + (1e3 if disturbed(calls) else 0.0)
        made = a_report(rate, p99_ms)
        return Step(made, *judge(made, BOUND))

    return measure


@given(st.floats(120, 5000), st.floats(1.0, 4000.0))
def test_the_limit_of_a_queue_is_between_the_two_rates(capacity: float, start: float) -> None:
    plan = RampPlan(start=start)
    found = find_limit(_service(capacity), plan)
    limit = capacity - 1e3 * math.log(100) / BOUND.p99_ms  # where the 99th percentile is the bound
    assert found.held is not None
    assert found.failed is not None
    assert found.held <= limit < found.failed
    assert found.failed <= plan.precision * found.held
    assert not found.generator_limits
    assert len(found.steps) < 60


@given(st.floats(120, 5000), st.integers(1, 30))
def test_one_disturbed_step_changes_nothing(capacity: float, number: int) -> None:
    disturbed = find_limit(_service(capacity, lambda call: call == number), RampPlan())
    quiet = find_limit(_service(capacity), RampPlan())
    assert (disturbed.held, disturbed.failed) == (quiet.held, quiet.failed)


def test_a_rate_that_fails_is_offered_twice() -> None:
    found = find_limit(_service(400.0), RampPlan(start=100.0, factor=2.0, precision=1.9))
    rates = [step.report.rate for step in found.steps]
    assert rates == pytest.approx([100, 200, 400, 400, 200 * math.sqrt(2)])


def test_no_rate_holds_or_all_do() -> None:
    none = find_limit(_service(10.0), RampPlan())
    assert none.held is None
    assert none.failed is not None
    assert none.failed < 1
    everything = find_limit(_service(1e9), RampPlan(most=1000.0))
    assert everything.failed is None
    assert everything.held == pytest.approx(50 * 1.6**6)
    assert bottleneck(everything) == "none found: every rate held"


@pytest.mark.parametrize(
    ("made", "verdict", "reason"),
    [
        (a_report(9.0, 50.0), Verdict.HELD, "p99 50.0 ms"),
        (a_report(9.0, 50.1), Verdict.FAILED, "p99 50.1 ms > 50 ms"),
        (a_report(9.0, None), Verdict.FAILED, "no request was answered"),
        (a_report(9.0, errors=1), Verdict.HELD, "p99 10.0 ms"),
        (a_report(9.0, errors=2), Verdict.FAILED, "2 of 1000 requests have errors"),
        (a_report(9.0, not_sent=1), Verdict.GENERATOR, "1 requests were not sent: too many under way"),
        (a_report(9.0, 80.0, not_sent=1), Verdict.FAILED, "p99 80.0 ms > 50 ms"),
        (a_report(9.0, 80.0, late_p99_ms=30.0), Verdict.GENERATOR, "it sends late: p99 30.0 ms"),
    ],
)
def test_verdicts_have_reasons(made: OpenReport, verdict: Verdict, reason: str) -> None:
    assert judge(made, BOUND) == (verdict, reason)


def test_a_generator_at_its_limit_is_named() -> None:
    def measure(rate: float) -> Step:
        made = a_report(rate, late_p99_ms=100.0 if rate > 300 else 0.1)
        return Step(made, *judge(made, BOUND))

    found = find_limit(measure, RampPlan())
    assert found.generator_limits
    assert bottleneck(found) == "the generator: it sends late: p99 100.0 ms"


@pytest.mark.parametrize(
    ("uses", "others", "named"),
    [
        ({"server": (0.95, 0.92, (0, 1))}, {}, "the event loop of the server: its thread takes 92%"),
        (
            {"server": (0.6, 0.2, (0,)), "channel": (0.35, 0.3, (0,))},
            {},
            "the server: core 0 is full (server 0.60 and channel 0.35 cores busy)",
        ),
        ({"server": (1.9, 0.3, (0, 1))}, {}, "the server: cores 0, 1 are full"),
        ({"server": (0.9, 0.3, (0, 1)), "generator": (0.9, 0.9, (2,))}, {}, "no process is full"),
        ({"server": (0.2, 0.1, (0,))}, {"generator_busy": 0.95}, "the generator: it takes 95% of a core"),
        (
            {"server": (0.2, 0.1, (0,))},
            {"statuses": {"OK": 900, "RESOURCE_EXHAUSTED": 100}},
            "the limit on requests at once: 100 of 1000 were refused",
        ),
        ({}, {}, "unknown: the services run on another machine"),
        ({"server": (0.2, 0.1, (0,)), OTHERS: (1.25, 0.0, ())}, {}, "; other processes kept 1.2 cores busy"),
    ],
)
def test_the_bottleneck_follows_from_the_step_that_failed(
    uses: dict[str, tuple[float, float, tuple[int, ...]]], others: dict[str, Any], named: str
) -> None:
    failing = Step(
        a_report(200.0, 90.0, **others),
        Verdict.FAILED,
        "",
        {role: ProcessUse(*use) for role, use in uses.items()},
    )
    held = Step(a_report(100.0), Verdict.HELD, "")
    assert named in bottleneck(Ramp(100.0, 200.0, False, [held, failing, failing]))
