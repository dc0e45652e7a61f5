"""Calls that are tried again: which failures, how long, with which pauses."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import grpc
import numpy as np
import pytest

from dsc_common.serving.retrying import (
    RETRY_AFTER,
    Backoff,
    call_again,
    call_again_blocking,
    may_pass,
    retry_after_s,
)

BACKOFF = Backoff(first_s=1.0, factor=2.0, most_s=4.0)


class Status(grpc.RpcError):
    """A status, with a trailer that says when to come again."""

    def __init__(self, code: str, details: str | None = "a line", again_ms: str | None = None) -> None:
        self._code, self._details = grpc.StatusCode[code], details
        self._trailer = () if again_ms is None else ((RETRY_AFTER, again_ms),)

    def trailing_metadata(self) -> tuple[tuple[str, str], ...]:
        return self._trailer

    def code(self) -> grpc.StatusCode:
        return self._code

    def details(self) -> str | None:
        return self._details


class Attempts:
    """A call that fails with these statuses and then succeeds, and the clock that its caller looks at."""

    def __init__(self, *failures: Status, takes_s: Sequence[float] = ()) -> None:
        self.failures = list(failures)
        self.takes_s = list(takes_s)
        self.now = 100.0
        self.limits: list[float] = []
        self.pauses: list[float] = []

    def call(self, timeout_s: float) -> str:
        self.limits.append(timeout_s)
        self.now += self.takes_s.pop(0) if self.takes_s else 0.0
        if self.failures:
            raise self.failures.pop(0)
        return "answer"

    async def call_async(self, timeout_s: float) -> str:
        return self.call(timeout_s)

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds

    async def sleep_async(self, seconds: float) -> None:
        self.sleep(seconds)


def of_threads(attempts: Attempts, within_s: float) -> str:
    rng, now = np.random.default_rng(1), lambda: attempts.now
    return call_again_blocking(attempts.call, within_s, rng, backoff=BACKOFF, clock=now, sleep=attempts.sleep)


def of_tasks(attempts: Attempts, within_s: float) -> str:
    rng, now = np.random.default_rng(1), lambda: attempts.now
    return asyncio.run(
        call_again(attempts.call_async, within_s, rng, backoff=BACKOFF, clock=now, sleep=attempts.sleep_async)
    )


Run = Callable[[Attempts, float], str]
both = pytest.mark.parametrize("run", [of_threads, of_tasks])


@both
def test_an_answer_needs_one_attempt(run: Run) -> None:
    attempts = Attempts()
    assert run(attempts, 10.0) == "answer"
    assert (attempts.limits, attempts.pauses) == ([10.0], [])


@both
@pytest.mark.parametrize("code", ["UNAVAILABLE", "CANCELLED", "RESOURCE_EXHAUSTED"])
def test_a_failure_that_may_pass_is_tried_again(run: Run, code: str) -> None:
    attempts = Attempts(*[Status(code)] * 5)
    assert run(attempts, 100.0) == "answer"
    for pause_s, longest_s in zip(attempts.pauses, [1.0, 2.0, 4.0, 4.0, 4.0], strict=True):
        assert longest_s / 2 <= pause_s <= longest_s
    spent = np.cumsum([0.0, *attempts.pauses])
    np.testing.assert_allclose(attempts.limits, 100.0 - spent)


@both
def test_no_attempt_comes_before_the_peer_asks_for_it(run: Run) -> None:
    attempts = Attempts(*[Status("RESOURCE_EXHAUSTED", again_ms="5000")] * 3)
    assert run(attempts, 100.0) == "answer"
    for pause_s, longest_s in zip(attempts.pauses, [1.0, 2.0, 4.0], strict=True):
        assert 5.0 + longest_s / 2 <= pause_s <= 5.0 + longest_s


@pytest.mark.parametrize(
    ("trailer", "seconds"),
    [("250", 0.25), ("0", 0.0), ("999999999", 60.0), ("-1", 0.0), ("1e9", 0.0), ("9" * 5000, 0.0), ("", 0.0)],
)
def test_what_a_peer_asks_for_is_bounded(trailer: str, seconds: float) -> None:
    assert retry_after_s(Status("RESOURCE_EXHAUSTED", again_ms=trailer)) == seconds


NEVER = [
    code.name
    for code in grpc.StatusCode
    if code.name not in {"UNAVAILABLE", "CANCELLED", "RESOURCE_EXHAUSTED"}
]


@both
@pytest.mark.parametrize("code", NEVER)
def test_any_other_failure_ends_it(run: Run, code: str) -> None:
    attempts = Attempts(Status(code))
    with pytest.raises(Status):
        run(attempts, 100.0)
    assert len(attempts.limits) == 1


@both
def test_no_attempt_starts_after_the_limit(run: Run) -> None:
    attempts = Attempts(*[Status("UNAVAILABLE")] * 50, takes_s=[1.0] * 50)
    with pytest.raises(Status):
        run(attempts, 10.0)
    assert 2 <= len(attempts.limits) <= 10
    assert min(attempts.limits) > 0
    assert attempts.now <= 110.0


@pytest.mark.parametrize(
    ("code", "details"),
    [
        ("RESOURCE_EXHAUSTED", "SERVER: Received message larger than max (2000 vs. 1024)"),
        ("CANCELLED", "Locally cancelled by application!"),
        ("CANCELLED", "Channel closed!"),
    ],
)
def test_a_failure_of_ones_own_does_not_pass(code: str, details: str) -> None:
    assert not may_pass(Status(code, details))
    assert may_pass(Status(code, None))


@pytest.mark.parametrize("attempt", [0, 7, 10**6])
def test_pauses_have_a_limit_and_follow_their_rng(attempt: int) -> None:
    pauses = [Backoff().pause_s(attempt, np.random.default_rng(seed)) for seed in (1, 1, 2)]
    assert pauses[0] == pauses[1] != pauses[2]
    assert 0 < max(pauses) <= Backoff().most_s


def test_the_end_of_ones_own_task_ends_it() -> None:
    started: list[Any] = []

    async def cancelled() -> None:
        async def call(_timeout_s: float) -> str:
            started.append(None)
            return await asyncio.get_running_loop().create_future()  # type: ignore[no-any-return]

        task = asyncio.create_task(call_again(call, 10.0, np.random.default_rng(1)))
        await asyncio.sleep(0)
        task.cancel()
        await task

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(cancelled())
    assert len(started) == 1


@both
def test_at_the_limit_the_error_of_the_longest_attempt_is_raised(run: Run) -> None:
    short, long, late = Status("UNAVAILABLE"), Status("UNAVAILABLE"), Status("DEADLINE_EXCEEDED")
    for failures, takes, expected in (
        ([short, long, late], [0.1, 5.0, 3.0], long),
        ([long, short], [8.9, 0.1], long),
        ([late], [10.0], late),
    ):
        with pytest.raises(Status) as caught:
            run(Attempts(*failures, takes_s=takes), 10.0)
        assert caught.value is expected


@both
def test_a_refusal_after_other_failures_is_raised(run: Run) -> None:
    refused = Status("INVALID_ARGUMENT")
    with pytest.raises(Status) as caught:
        run(Attempts(Status("UNAVAILABLE"), refused, takes_s=[3.0, 0.1]), 10.0)
    assert caught.value is refused
