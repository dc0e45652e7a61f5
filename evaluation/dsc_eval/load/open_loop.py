"""An open loop: requests are sent at times that do not depend on the answers.

Each request has an intended time. Its latency counts from there, not from when it was sent: where a service
or the generator stalls, all requests that should have been sent meanwhile show it (no coordinated omission).
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from dsc_common.randomness import keyed_rng
from dsc_eval.load.arrivals import poisson_arrivals
from dsc_eval.load.closed_loop import OK, Call, Clock

Sleep: TypeAlias = Callable[[float], Awaitable[object]]
DEFAULT_IN_FLIGHT = 1000
MAX_PER_S = 100_000.0


@dataclass(frozen=True)
class OpenPlan:
    """What is offered for how long.

    Attributes:
        per_second: mean rate.
        seconds: length of the measurement.
        warm_up_s: seconds before it, in which requests are sent and not counted.
        max_in_flight: requests under way at once; one that would be more is not sent, and counted.
        seed: of the arrivals.
        generator: number of the generator; each has other arrivals, and begins with another message.
    """

    per_second: float
    seconds: float
    warm_up_s: float = 0.0
    max_in_flight: int = DEFAULT_IN_FLIGHT
    seed: int = 0
    generator: int = 0


@dataclass(frozen=True, eq=False)
class OpenOutcome:
    """What one generator saw: n requests that were sent, of those intended within the measurement.

    Attributes:
        seconds: length of the measurement.
        latencies_s: (n,) float64, seconds from the intended time to the end of a request.
        late_s: (n,) float64, seconds from the intended time to the sending.
        codes: (n,) int64, places of the requests' statuses in `names`.
        messages: (n,) int64, which message each request sent.
        names: of gRPC statuses.
        not_sent: requests that were not sent, because too many were under way.
        in_time: requests with the status OK that ended within the measurement, whenever they were intended.
        cpu_s: processor seconds of this process in it.
        sent: requests with those of the warm-up.
    """

    seconds: float
    latencies_s: NDArray[np.float64]
    late_s: NDArray[np.float64]
    codes: NDArray[np.int64]
    messages: NDArray[np.int64]
    names: tuple[str, ...]
    not_sent: int
    in_time: int
    cpu_s: float
    sent: int


async def run_open(
    call: Call,
    plan: OpenPlan,
    messages: int = 1,
    clock: Clock = time.perf_counter,
    sleep: Sleep = asyncio.sleep,
) -> OpenOutcome:
    """Send what the plan intends, and wait for the answers; `call` must have a time limit.

    Args:
        call: sends one request; its numbers are those of the request and of the message.
        plan: rate and times.
        messages: number of messages; requests take them in turn.
        clock: seconds that never go back.
        sleep: waits for so many seconds of this clock.
    """
    rng = keyed_rng(plan.seed, "arrivals", plan.generator)
    record = _Record(plan, clock)
    begins = int(rng.integers(messages))
    ends = plan.warm_up_s + plan.seconds
    async with asyncio.TaskGroup() as requests:
        for number, intended in enumerate(poisson_arrivals(plan.per_second, rng)):
            # At least one turn for the answers, also where the sending is late.
            await sleep(max(0.0, record.start + min(intended, ends) - clock()))
            if intended >= ends:
                break
            if record.has_room(intended):
                message = (begins + number) % messages
                requests.create_task(_request(call, number, message, record.send(intended)))
        record.close()
    return record.outcome()


async def _request(call: Call, number: int, message: int, ticket: "_Ticket") -> None:
    ticket.end(message, await call(number, message))


class _Record:
    """All that is measured, while it is."""

    def __init__(self, plan: OpenPlan, clock: Clock) -> None:
        self.plan, self.clock = plan, clock
        self.start = clock()
        self.under_way = self.sent = self.not_sent = self.in_time = 0
        self.rows: list[tuple[float, float, int, int]] = []  # latency, lateness, place of status, message
        self.names: dict[str, int] = {}
        self._cpu_from: float | None = None
        self._cpu_s = 0.0

    def counts(self, intended: float) -> bool:
        """Whether a request is part of the measurement."""
        return intended >= self.plan.warm_up_s

    def has_room(self, intended: float) -> bool:
        """Whether a request may be sent; counts it if not."""
        if self._cpu_from is None and self.counts(intended):
            self._cpu_from = time.process_time()
        has_room = self.under_way < self.plan.max_in_flight
        self.not_sent += self.counts(intended) and not has_room
        return has_room

    def send(self, intended: float) -> "_Ticket":
        """A request is being sent."""
        self.under_way += 1
        self.sent += 1
        return _Ticket(self, intended, self.clock() - self.start - intended)

    def close(self) -> None:
        """Nothing more is sent."""
        self._cpu_s = 0.0 if self._cpu_from is None else time.process_time() - self._cpu_from

    def outcome(self) -> OpenOutcome:
        """All of it."""
        table = np.array(self.rows, dtype=np.float64).reshape(-1, 4)
        return OpenOutcome(
            self.plan.seconds,
            table[:, 0],
            table[:, 1],
            table[:, 2].astype(np.int64),
            table[:, 3].astype(np.int64),
            tuple(self.names),
            self.not_sent,
            self.in_time,
            self._cpu_s,
            self.sent,
        )


@dataclass(frozen=True)
class _Ticket:
    """A request under way."""

    record: _Record
    intended: float
    late_s: float

    def end(self, message: int, status: str) -> None:
        """It has ended."""
        record, plan = self.record, self.record.plan
        ended = record.clock() - record.start
        record.under_way -= 1
        record.in_time += status == OK and plan.warm_up_s <= ended <= plan.warm_up_s + plan.seconds
        if record.counts(self.intended):
            place = record.names.setdefault(status, len(record.names))
            record.rows.append((ended - self.intended, self.late_s, place, message))
