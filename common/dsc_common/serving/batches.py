"""Work of requests in threads: those that wait are handed to a thread together, and come back together.

A hand-over wakes a thread, and an answer wakes the event loop; both share the interpreter. With one hand-over
for each request, threads and loop interrupt each other all the time, and the more requests wait, the more.
A thread takes batch after batch while calls wait: a loop that is busy, as with refusals, does not hold it up.
Requests in a batch take their steps in turn: all the first, then all the second.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from dsc_common.errors import OverloadedError
from dsc_common.steps import Steps

MAX_QUEUE_S = 0.25
_NEW_WEIGHT = 0.2  # of the last batch in the running mean of the time of a call
BATCH_S = 0.02  # a request whose work is done waits about so long for the others of its batch
MOST_AT_ONCE = 64  # calls in a batch
OVERDUE = 5  # times the length of a batch without the end of any

_Result = TypeVar("_Result")
_Clock = Callable[[], float]


@dataclass(eq=False)
class _Call:
    """One call, and its outcome once it has ended."""

    steps: Steps[Any]
    future: asyncio.Future[Any]
    came: float
    result: Any = None
    error: BaseException | None = None

    def ends_with_next_step(self) -> bool:
        """Take a step; whether it was the last. A call that was cancelled takes none."""
        try:
            if self.future.cancelled():
                self.steps.close()
                return True
            next(self.steps)
        except StopIteration as end:
            self.result = end.value
        except BaseException as error:
            self.error = error
        else:
            return False
        return True

    def deliver(self) -> None:
        if self.future.done():  # cancelled meanwhile
            return
        if self.error is not None:
            self.future.set_exception(self.error)
        else:
            self.future.set_result(self.result)


class Batches:
    """Runs work in threads, in the order in which it came.

    A free thread takes as many of the calls that wait as take about `batch_s` seconds, by the time of those
    before; they take their steps in turn, and their results are delivered together. If they take longer, each
    goes on to its end before the next, and what has ended is delivered meanwhile. A call whose task was
    cancelled takes no further step. Used from one event loop.

    While no batch ends for several times its length, one more may run: calls that take long do not stop
    those that wait.

    Args:
        pool: threads, one more than `at_once`.
        at_once: batches at once.
        batch_s: length of a batch in seconds.
        clock: seconds that never go back.
        max_queue_s: longest wait for a thread that `require_room` accepts, in seconds.

    Attributes:
        taken: batches that threads have taken.
    """

    def __init__(
        self,
        pool: Executor,
        at_once: int,
        batch_s: float = BATCH_S,
        clock: _Clock = time.perf_counter,
        max_queue_s: float = MAX_QUEUE_S,
    ) -> None:
        self._pool, self._at_once, self._batch_s, self._clock = pool, at_once, batch_s, clock
        self._max_queue_s = max_queue_s
        self.taken = 0
        self._under_way, self._size = 0, 1
        self._call_s = 0.0  # running mean of the time of a call
        self._ticks = 0  # of the timer, since a batch ended
        self._timer: asyncio.TimerHandle | None = None
        # Shared with the threads: append and popleft are atomic.
        self._waiting: deque[_Call] = deque()
        self._ended: deque[_Call] = deque()

    @property
    def waiting(self) -> int:
        """Calls that wait for a thread."""
        return len(self._waiting)

    @property
    def under_way(self) -> int:
        """Threads that compute batches."""
        return self._under_way

    def require_room(self, within_s: float | None = None) -> None:
        """Raise OverloadedError, with the time to wait, if a call that came now would wait too long.

        As many calls as there are threads may wait in any case.

        Args:
            within_s: seconds after which nobody waits for the call any more; None: no limit.
        """
        waiting = len(self._waiting)
        wait_s = max(waiting * self._call_s / self._at_once, self._oldest_s())
        most_s = self._max_queue_s if within_s is None else min(self._max_queue_s, within_s)
        if waiting > self._at_once and wait_s > most_s:
            raise OverloadedError(
                f"the wait for a free thread is {1e3 * wait_s:.0f} ms, more than {1e3 * most_s:.0f} ms",
                retry_after_s=wait_s,
            )

    def _oldest_s(self) -> float:
        """Seconds that the call has waited that waits longest."""
        try:
            return self._clock() - self._waiting[0].came
        except IndexError:  # none waits, or a thread just took the last
            return 0.0

    async def run(self, function: Callable[[], _Result]) -> _Result:
        """What a function returns or raises: work of one step."""
        return await self.run_steps(_one_step(function))

    async def run_steps(self, steps: Steps[_Result]) -> _Result:
        """What work in steps returns or raises."""
        loop = asyncio.get_running_loop()
        call = _Call(steps, loop.create_future(), self._clock())
        self._waiting.append(call)
        self._start(loop)
        result: _Result = await call.future
        return result

    def _start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Start a batch if calls wait and a thread is free."""
        if self._waiting and self._under_way < self._at_once + (self._ticks >= OVERDUE):
            self._under_way += 1
            self._pool.submit(self._work, loop)
            if self._timer is None:
                self._timer = loop.call_later(self._batch_s, self._tick, loop)

    def _work(self, loop: asyncio.AbstractEventLoop) -> None:
        """In a thread: run batches while calls wait, without going back to a loop that may be busy."""
        calls = self._take(self._size)
        while calls:
            self.taken += 1
            begun = self._clock()
            self._run(calls, begun + self._batch_s)
            seconds = (self._clock() - begun) / len(calls)
            self._call_s += (_NEW_WEIGHT if self._call_s else 1.0) * (seconds - self._call_s)
            self._size = int(min(max(self._batch_s / max(seconds, 1e-9), 1), MOST_AT_ONCE))
            calls = self._take(self._size)
            if calls:
                self._call_soon(loop, self._end_batch)
        self._call_soon(loop, partial(self._end_last_batch, loop))

    @staticmethod
    def _call_soon(loop: asyncio.AbstractEventLoop, callback: Callable[[], None]) -> None:
        if not loop.is_closed():
            loop.call_soon_threadsafe(callback)

    def _take(self, most: int) -> list[_Call]:
        calls: list[_Call] = []
        while len(calls) < most and (call := _first(self._waiting)) is not None:
            if not call.future.cancelled():
                calls.append(call)
        return calls

    def _run(self, calls: Iterable[_Call], until: float) -> None:
        going = deque(calls)
        while call := _first(going):
            while not (ends := call.ends_with_next_step()) and self._clock() >= until:
                pass  # there is no time for turns
            if ends:
                self._ended.append(call)
            else:
                going.append(call)

    def _end_batch(self) -> None:
        self._ticks = 0
        self._deliver()

    def _end_last_batch(self, loop: asyncio.AbstractEventLoop) -> None:
        """The thread found nothing more that waits; something may have come since."""
        self._under_way -= 1
        self._ticks = 0
        self._start(loop)
        self._deliver()

    def _tick(self, loop: asyncio.AbstractEventLoop) -> None:
        """Deliver what has ended of batches under way; again and again, while there are any."""
        self._timer = None
        if self._under_way:
            self._timer = loop.call_later(self._batch_s, self._tick, loop)
            self._ticks += 1
            self._start(loop)
        self._deliver()

    def _deliver(self) -> None:
        while (call := _first(self._ended)) is not None:
            call.deliver()


@contextmanager
def batches_in_threads(threads: int, max_queue_s: float = MAX_QUEUE_S) -> Iterator[Batches]:
    """Batches in so many threads; at the end of the block, what runs is waited for."""
    with ThreadPoolExecutor(threads + 1) as pool:
        yield Batches(pool, threads, max_queue_s=max_queue_s)


def _one_step(function: Callable[[], _Result]) -> Steps[_Result]:
    return function()
    yield


def _first(calls: deque[_Call]) -> _Call | None:
    """Take the first call; None if there is none, or another thread took the last."""
    try:
        return calls.popleft()
    except IndexError:
        return None
