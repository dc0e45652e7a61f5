"""Work of requests in threads: those that wait are handed to a thread together, and come back together.

A hand-over wakes a thread, and an answer wakes the event loop; both share the interpreter. With one hand-over
for each request, threads and loop interrupt each other all the time, and the more requests wait, the more.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Any, TypeVar

BATCH_S = 0.01  # a request whose work is done waits so long for the others of its batch, or for the next one

_Result = TypeVar("_Result")
_Clock = Callable[[], float]


@dataclass(eq=False)
class _Call:
    """One call, and its outcome once it has ended."""

    function: Callable[[], Any]
    future: asyncio.Future[Any]
    result: Any = None
    error: BaseException | None = None

    def run(self) -> None:
        try:
            self.result = self.function()
        except StopIteration as error:  # which a coroutine cannot raise
            self.error = RuntimeError(f"unexpected {error!r}")
        except BaseException as error:
            self.error = error

    def deliver(self) -> None:
        if self.future.done():  # cancelled meanwhile
            return
        if self.error is not None:
            self.future.set_exception(self.error)
        else:
            self.future.set_result(self.result)


class Batches:
    """Runs functions in threads, in the order in which they came.

    A free thread takes the calls that wait, one after the other, for up to `batch_s` seconds; then their
    results are delivered together. While one takes longer, those before it are delivered all the same. A call
    whose task was cancelled while it waited is not run. Used from one event loop.

    Args:
        pool: threads.
        at_once: batches at once; at most the number of threads.
        batch_s: length of a batch in seconds, after which it takes no further call.
        clock: seconds that never go back.
    """

    def __init__(
        self, pool: Executor, at_once: int, batch_s: float = BATCH_S, clock: _Clock = time.monotonic
    ) -> None:
        self._pool, self._at_once, self._batch_s, self._clock = pool, at_once, batch_s, clock
        self._under_way = 0
        self._timer: asyncio.TimerHandle | None = None
        # Shared with the threads: append and popleft are atomic.
        self._waiting: deque[_Call] = deque()
        self._ended: deque[_Call] = deque()

    async def run(self, function: Callable[[], _Result]) -> _Result:
        """What the function returns or raises, in a thread."""
        loop = asyncio.get_running_loop()
        call = _Call(function, loop.create_future())
        self._waiting.append(call)
        self._start(loop)
        result: _Result = await call.future
        return result

    def _start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Start a batch if calls wait and a thread is free."""
        if self._waiting and self._under_way < self._at_once:
            self._under_way += 1
            self._pool.submit(self._batch, loop)
            if self._timer is None:
                self._timer = loop.call_later(self._batch_s, self._deliver_early, loop)

    def _batch(self, loop: asyncio.AbstractEventLoop) -> None:
        """In a thread: run what waits, at least one call."""
        until = self._clock() + self._batch_s
        while (call := _first(self._waiting)) is not None:
            if not call.future.cancelled():
                call.run()
                self._ended.append(call)
                if self._clock() >= until:
                    break
        if not loop.is_closed():
            loop.call_soon_threadsafe(self._end_batch, loop)

    def _end_batch(self, loop: asyncio.AbstractEventLoop) -> None:
        self._under_way -= 1
        self._start(loop)
        self._deliver()

    def _deliver_early(self, loop: asyncio.AbstractEventLoop) -> None:
        """Deliver what has ended of batches under way; again and again, while there are any."""
        self._timer = None
        if self._under_way:
            self._timer = loop.call_later(self._batch_s, self._deliver_early, loop)
        self._deliver()

    def _deliver(self) -> None:
        while (call := _first(self._ended)) is not None:
            call.deliver()


def _first(calls: deque[_Call]) -> _Call | None:
    """Take the first call; None if there is none, or another thread took the last."""
    try:
        return calls.popleft()
    except IndexError:
        return None
