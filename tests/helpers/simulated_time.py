"""A clock that stands still while there is something to do, and a slow service on it."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

_Result = TypeVar("_Result")
_STEPS = 6  # of the event loop, after which everything that can run has run


class SimulatedTime:
    """Time that goes on to the next moment that somebody waits for."""

    def __init__(self) -> None:
        self.now = 0.0
        self._waiting: list[tuple[float, int, asyncio.Future[None]]] = []
        self._count = 0

    def clock(self) -> float:
        """Seconds."""
        return self.now

    async def sleep(self, seconds: float) -> None:
        """Wait; no time is a turn for the others, before the clock goes on."""
        done = asyncio.get_running_loop().create_future()
        self._count += 1
        self._waiting.append((self.now + max(0.0, seconds), self._count, done))
        await done

    async def _drive(self) -> None:
        while True:
            for _ in range(_STEPS):
                await asyncio.sleep(0)
            if self._waiting:
                first = min(self._waiting)
                self._waiting.remove(first)
                self.now = first[0]
                first[2].set_result(None)

    def run(self, work: Callable[[], Awaitable[_Result]]) -> _Result:
        """Run to the end, in this time."""

        async def both() -> _Result:
            driver = asyncio.create_task(self._drive())
            try:
                return await work()
            finally:
                driver.cancel()

        return asyncio.run(both())


class SlowService:
    """Answers each request after a time, but none within a stall.

    Args:
        time: of the simulation.
        latency_s: of a request.
        stall: beginning and end; what would be answered in it is answered at its end.
        statuses: of requests, in turn.
    """

    def __init__(
        self,
        time: SimulatedTime,
        latency_s: float,
        stall: tuple[float, float] = (0.0, 0.0),
        statuses: Sequence[str] = ("OK",),
    ) -> None:
        self.time, self.latency_s, self.stall, self.statuses = time, latency_s, stall, statuses
        self.under_way = self.most = self.calls = 0
        self.messages: list[int] = []

    async def call(self, _number: int, message: int) -> str:
        """One request."""
        self.calls += 1
        self.under_way += 1
        self.messages.append(message)
        self.most = max(self.most, self.under_way)
        status = self.statuses[(self.calls - 1) % len(self.statuses)]
        begins, ends = self.stall
        answered = self.time.now + self.latency_s
        await self.time.sleep((ends if begins <= answered < ends else answered) - self.time.now)
        self.under_way -= 1
        return status
