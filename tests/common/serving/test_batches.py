"""Calls in threads: what waits is taken together and in turn, and each call has its own result."""

import asyncio
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest

from dsc_common.errors import OverloadedError
from dsc_common.serving.batches import MAX_QUEUE_S, Batches
from dsc_common.steps import Steps


class Gate:
    """A call that says when it runs, and ends when it may."""

    def __init__(self) -> None:
        self.runs, self.may_end = threading.Event(), threading.Event()

    def __call__(self) -> str:
        self.runs.set()
        assert self.may_end.wait(60)
        return "gate"


def run(
    scenario: Callable[[Batches], Coroutine[Any, Any, None]],
    threads: int = 1,
    batch_s: float = 60.0,
    clock: Callable[[], float] = lambda: 0.0,
    max_queue_s: float = MAX_QUEUE_S,
) -> None:
    with ThreadPoolExecutor(threads) as pool:
        asyncio.run(scenario(Batches(pool, threads, batch_s, clock, max_queue_s)))


async def behind_a_gate(batches: Batches) -> tuple[Gate, "asyncio.Task[str]"]:
    """A gate that holds the only thread: calls that come now wait together."""
    gate = Gate()
    task = asyncio.create_task(batches.run(gate))
    assert await asyncio.to_thread(gate.runs.wait, 60)
    return gate, task


async def started(*calls: Coroutine[Any, Any, Any]) -> list["asyncio.Task[Any]"]:
    """Tasks of calls, after each has come to wait."""
    tasks = [asyncio.create_task(call) for call in calls]
    await asyncio.sleep(0)
    return tasks


def test_calls_that_wait_are_handed_over_together_and_run_in_their_order() -> None:
    order: list[int] = []

    def call(number: int) -> int:
        order.append(number)
        return number * number

    async def scenario(batches: Batches) -> None:
        gate, first = await behind_a_gate(batches)
        others = await started(*(batches.run(partial(call, number)) for number in range(20)))
        gate.may_end.set()
        assert await asyncio.gather(first, *others) == ["gate", *(n * n for n in range(20))]
        assert order == list(range(20))
        assert batches.taken == 2  # the gate, and all others

    run(scenario)


def test_calls_of_a_batch_take_their_steps_in_turn() -> None:
    taken: list[str] = []

    def steps(name: str, count: int) -> Steps[str]:
        for number in range(count):
            taken.append(f"{name}{number}")
            yield
        return name

    async def scenario(batches: Batches) -> None:
        gate, first = await behind_a_gate(batches)
        others = await started(
            *(batches.run_steps(steps(name, n)) for name, n in (("a", 3), ("b", 1), ("c", 2)))
        )
        gate.may_end.set()
        assert await asyncio.gather(first, *others) == ["gate", "a", "b", "c"]
        assert taken == ["a0", "b0", "c0", "a1", "c1", "a2"]

    run(scenario)


def test_when_a_batch_takes_long_each_call_goes_on_to_its_end() -> None:
    taken: list[str] = []
    now = [0.0]

    def steps(name: str) -> Steps[None]:
        for number in range(3):
            now[0] += 1.0
            taken.append(f"{name}{number}")
            yield

    async def scenario(batches: Batches) -> None:
        gate, first = await behind_a_gate(batches)
        others = await started(*(batches.run_steps(steps(name)) for name in "abc"))
        gate.may_end.set()
        await asyncio.gather(first, *others)
        assert taken == ["a0", "b0", "c0", "a1", "a2", "b1", "b2", "c1", "c2"]

    run(scenario, batch_s=3.5, clock=lambda: now[0])


def test_a_call_that_is_cancelled_takes_no_further_step() -> None:
    gate = Gate()
    taken: list[str] = []

    def steps() -> Steps[None]:
        try:
            taken.append(gate())
            yield
            taken.append("second")
        finally:
            taken.append("closed")

    async def scenario(batches: Batches) -> None:
        (task,) = await started(batches.run_steps(steps()))
        assert await asyncio.to_thread(gate.runs.wait, 60)
        task.cancel()
        await asyncio.wait([task])
        gate.may_end.set()
        assert await batches.run(lambda: "another") == "another"
        assert taken == ["gate", "closed"]

    run(scenario)


def test_an_error_of_a_cancelled_call_touches_no_other() -> None:
    gate = Gate()

    def steps() -> Steps[None]:
        try:
            gate()
            yield
        finally:
            raise KeyError("x")

    async def scenario(batches: Batches) -> None:
        (task,) = await started(batches.run_steps(steps()))
        assert await asyncio.to_thread(gate.runs.wait, 60)
        task.cancel()
        await asyncio.wait([task])
        gate.may_end.set()
        assert await batches.run(lambda: "another") == "another"

    run(scenario)


def test_calls_that_would_wait_too_long_are_refused() -> None:
    now = [0.0]

    def takes_a_second() -> None:
        now[0] += 1.0

    def refusal(batches: Batches, within_s: float | None = None) -> OverloadedError:
        with pytest.raises(OverloadedError) as caught:
            batches.require_room(within_s)
        return caught.value

    async def scenario(batches: Batches) -> None:
        await batches.run(takes_a_second)
        gate, first = await behind_a_gate(batches)
        others = []
        for _ in range(4):
            batches.require_room()
            others += await started(batches.run(takes_a_second))
        line = "the wait for a free thread is 4000 ms, more than 3500 ms"
        assert str(refusal(batches)) == line
        assert refusal(batches).retry_after_s == 4.0
        assert str(refusal(batches, 2.0)).endswith("4000 ms, more than 2000 ms")
        assert str(refusal(batches, 60.0)) == line
        gate.may_end.set()
        await asyncio.gather(first, *others)
        batches.require_room(0.0)

    run(scenario, clock=lambda: now[0], max_queue_s=3.5)


def test_calls_that_have_waited_too_long_refuse_others_however_fast_calls_were() -> None:
    now = [0.0]

    async def scenario(batches: Batches) -> None:
        gate, first = await behind_a_gate(batches)
        others = await started(*(batches.run(lambda: None) for _ in range(2)))
        now[0] = 3.0
        batches.require_room()
        now[0] = 4.0
        with pytest.raises(
            OverloadedError, match=r"^the wait for a free thread is 4000 ms, more than 3500 ms$"
        ):
            batches.require_room()
        gate.may_end.set()
        await asyncio.gather(first, *others)

    run(scenario, clock=lambda: now[0], max_queue_s=3.5)


def test_as_many_calls_as_threads_may_wait_however_long_they_take() -> None:
    now = [0.0]

    def takes_an_hour() -> None:
        now[0] += 3600.0

    async def scenario(batches: Batches) -> None:
        await batches.run(takes_an_hour)
        gate, first = await behind_a_gate(batches)
        others = await started(batches.run(takes_an_hour))
        batches.require_room(0.1)
        others += await started(batches.run(takes_an_hour))
        with pytest.raises(OverloadedError):
            batches.require_room()
        gate.may_end.set()
        await asyncio.gather(first, *others)

    run(scenario, clock=lambda: now[0])


def test_an_error_is_that_of_its_call_alone() -> None:
    def fail(error: BaseException) -> None:
        raise error

    async def scenario(batches: Batches) -> None:
        gate, first = await behind_a_gate(batches)
        calls = (lambda: 1, partial(fail, KeyError("x")), partial(fail, StopIteration()), lambda: 2)
        others = await started(*(batches.run(call) for call in calls))
        gate.may_end.set()
        results = await asyncio.gather(first, *others, return_exceptions=True)
        assert [type(result) for result in results] == [str, int, KeyError, RuntimeError, int]
        assert await batches.run(lambda: "still works") == "still works"

    run(scenario)


def test_a_call_that_is_cancelled_while_it_waits_is_not_run() -> None:
    ran: list[int] = []

    async def scenario(batches: Batches) -> None:
        gate, first = await behind_a_gate(batches)
        others = await started(*(batches.run(partial(ran.append, number)) for number in range(3)))
        others[1].cancel()
        await asyncio.wait(others[1:2])
        gate.may_end.set()
        await asyncio.gather(first, others[0], others[2])
        assert ran == [0, 2]

    run(scenario)


def test_a_call_that_is_cancelled_while_it_runs_leaves_the_others_their_results() -> None:
    async def scenario(batches: Batches) -> None:
        gate, first = await behind_a_gate(batches)
        (other,) = await started(batches.run(lambda: 5))
        first.cancel()
        await asyncio.wait([first])
        gate.may_end.set()
        assert await other == 5
        assert first.cancelled()

    run(scenario)


def test_a_batch_is_as_long_as_the_time_of_earlier_calls_suggests() -> None:
    now = [0.0]

    def call() -> float:
        now[0] += 1.0
        return now[0]

    async def scenario(batches: Batches) -> None:
        await batches.run(call)
        gate = Gate()

        def slow_gate() -> str:
            now[0] += 1.0
            return gate()

        first = asyncio.create_task(batches.run(slow_gate))
        assert await asyncio.to_thread(gate.runs.wait, 60)
        others = await started(*(batches.run(call) for _ in range(6)))
        gate.may_end.set()
        assert await asyncio.gather(first, *others) == ["gate", 3.0, 4.0, 5.0, 6.0, 7.0, 8.0]
        assert batches.taken == 1 + 1 + 3  # calls of 1 s, batches of 2 s

    run(scenario, batch_s=2.0, clock=lambda: now[0])


def test_an_answer_does_not_wait_for_a_long_call_behind_it() -> None:
    async def scenario(batches: Batches) -> None:
        gate, first = await behind_a_gate(batches)
        long = Gate()
        tasks = await started(batches.run(lambda: "short"), batches.run(long))
        gate.may_end.set()
        assert await asyncio.to_thread(long.runs.wait, 60)
        assert await tasks[0] == "short"
        assert batches.taken == 2
        long.may_end.set()
        assert await asyncio.gather(first, tasks[1]) == ["gate", "gate"]

    run(scenario, batch_s=0.001)  # of a clock that stands still


def test_while_a_long_call_holds_all_threads_one_more_answers_those_that_wait() -> None:
    async def scenario(batches: Batches) -> None:
        gate, first = await behind_a_gate(batches)
        assert await batches.run(lambda: "answered") == "answered"
        gate.may_end.set()
        assert await first == "gate"

    with ThreadPoolExecutor(2) as pool:
        asyncio.run(scenario(Batches(pool, 1, batch_s=0.001)))


def test_as_many_batches_run_at_once_as_there_are_threads() -> None:
    async def scenario(batches: Batches) -> None:
        gates = [Gate() for _ in range(3)]
        tasks = await started(*(batches.run(gate) for gate in gates))
        for gate in gates[:2]:
            assert await asyncio.to_thread(gate.runs.wait, 60)
        assert not gates[2].runs.is_set()
        gates[1].may_end.set()
        assert await tasks[1] == "gate"
        assert await asyncio.to_thread(gates[2].runs.wait, 60)
        for gate in gates:
            gate.may_end.set()
        assert await asyncio.gather(*tasks) == ["gate"] * 3

    run(scenario, threads=2, batch_s=0.0)


@pytest.mark.parametrize("threads", [1, 4])
def test_many_calls_from_many_tasks_have_their_own_results(threads: int) -> None:
    async def client(batches: Batches, number: int) -> list[int]:
        return [await batches.run(partial(pow, number, step)) for step in range(20)]

    async def scenario(batches: Batches) -> None:
        results = await asyncio.gather(*(client(batches, number) for number in range(30)))
        assert results == [[number**step for step in range(20)] for number in range(30)]

    run(scenario, threads, batch_s=0.001)


def test_calls_that_are_under_way_when_the_loop_ends_are_left_alone() -> None:
    gate = Gate()
    ran: list[int] = []

    async def leave(batches: Batches) -> None:
        await started(batches.run(gate), batches.run(partial(ran.append, 1)))
        assert await asyncio.to_thread(gate.runs.wait, 60)

    with ThreadPoolExecutor(1) as pool:
        asyncio.run(leave(Batches(pool, 1)))
        gate.may_end.set()
    assert not ran
