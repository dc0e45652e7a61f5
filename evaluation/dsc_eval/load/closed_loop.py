"""A closed loop: each of C clients sends its next request when the answer to the last one has come.

What is offered depends on what is answered, so a slow service is asked less often. Latencies are those that C
such clients see; they are not those of requests that arrive at a fixed rate.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

OK = "OK"
PAUSE_S = 0.05  # of a client after an error: a service that refuses everything is not flooded

# One request, by the numbers of its client and of the request: the name of its gRPC status.
Call = Callable[[int, int], Awaitable[str]]
Clock = Callable[[], float]


@dataclass(frozen=True)
class Plan:
    """How long how many clients send.

    Attributes:
        clients: number of clients.
        seconds: length of the measurement.
        warm_up_s: seconds before it, in which requests are sent and not counted.
        requests: the measurement ends with so many requests in place of `seconds`; None: with the seconds.
    """

    clients: int
    seconds: float
    warm_up_s: float = 0.0
    requests: int | None = None


@dataclass(frozen=True, eq=False)
class Outcome:
    """What was measured.

    Attributes:
        latencies_s: (n,) float64, seconds of each request that was answered, in the order of the answers.
        statuses: requests by the name of their gRPC status; n of them are `OK`.
        seconds: length of the measurement.
        cpu_s: processor seconds of this process in it.
        sent: requests with those before and after the measurement.
    """

    latencies_s: NDArray[np.float64]
    statuses: Mapping[str, int]
    seconds: float
    cpu_s: float
    sent: int


async def run(call: Call, plan: Plan, clock: Clock = time.perf_counter) -> Outcome:
    """Send until the plan is fulfilled. A request counts if it ends within the measurement.

    Requests under way at its end are waited for, and not counted; `call` must have a time limit.

    Args:
        call: sends one request.
        plan: clients and times.
        clock: seconds that never go back.
    """
    window = _Window(plan, clock)
    async with asyncio.TaskGroup() as clients:
        for number in range(plan.clients):
            clients.create_task(_client(number, call, window))
    return window.outcome()


async def _client(number: int, call: Call, window: "_Window") -> None:
    while window.is_open():
        begun = window.clock()
        status = await call(number, window.next_request())
        window.add(begun, status)
        if status != OK:
            await asyncio.sleep(PAUSE_S)


class _Window:
    """The time in which requests count."""

    def __init__(self, plan: Plan, clock: Clock) -> None:
        self.clock = clock
        self._most = plan.requests
        self._opens = clock() + plan.warm_up_s
        self._closes = self._opens + plan.seconds if plan.requests is None else np.inf
        self._sent = self._counted = 0
        self._latencies: list[float] = []
        self._statuses: Counter[str] = Counter()
        self._first: tuple[float, float] | None = None  # seconds, and processor seconds
        self._last = (0.0, 0.0)

    def is_open(self) -> bool:
        """Whether more is to be sent."""
        return self.clock() < self._closes

    def next_request(self) -> int:
        """Number of the next request."""
        self._sent += 1
        return self._sent - 1

    def add(self, begun: float, status: str) -> None:
        """A request has ended."""
        ended = self.clock()
        if self._counted == self._most or not self._opens <= ended <= self._closes:
            return
        self._last = (ended, time.process_time())
        self._first = self._first or self._last
        self._counted += 1
        self._statuses[status] += 1
        if status == OK:
            self._latencies.append(ended - begun)
        if self._counted == self._most:
            self._closes = ended

    def outcome(self) -> Outcome:
        """All of it."""
        first = self._first or self._last
        seconds = self._closes - self._opens
        between = self._last[0] - first[0]
        cpu = self._last[1] - first[1]
        return Outcome(
            np.array(self._latencies),
            dict(self._statuses),
            seconds,
            cpu * seconds / between if between > 0 else cpu,
            self._sent,
        )
