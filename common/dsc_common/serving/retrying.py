"""Call a unary method again after a failure that may pass, with exponential backoff, within a time limit.

Every call of the protocol is idempotent: noise is keyed on the request, and no call changes its service.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any, TypeVar

import grpc
import numpy as np

_Reply = TypeVar("_Reply")
_Clock = Callable[[], float]

RETRY_AFTER = "grpc-retry-pushback-ms"  # the trailer in which retrying clients of gRPC look for it (gRFC A6)
MAX_RETRY_AFTER_S = 60.0  # a peer cannot ask for more
TOO_LARGE = "larger than max"  # gRPC's words for a message beyond its limit, with RESOURCE_EXHAUSTED
_OUR_OWN = ("Locally cancelled by application!", "Channel closed!")
# Statuses of failures that may pass: the peer is away; or away or overloaded.
AWAY = frozenset({grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED})
PASSING = AWAY | {grpc.StatusCode.RESOURCE_EXHAUSTED}


@dataclass(frozen=True)
class Backoff:
    """Pauses between attempts: exponential up to a limit, each with a random half.

    Attributes:
        first_s: longest pause after the first attempt, in seconds.
        factor: growth of the longest pause with each attempt.
        most_s: limit of the longest pause, in seconds.
    """

    first_s: float = 0.1
    factor: float = 2.0
    most_s: float = 3.0

    def pause_s(self, attempt: int, rng: np.random.Generator) -> float:
        """Seconds to wait after a failed attempt, which counts from 0."""
        longest_s = min(self.most_s, self.first_s * self.factor ** min(attempt, 60))
        return longest_s * (0.5 + 0.5 * float(rng.random()))


DEFAULT_BACKOFF = Backoff()


def may_pass(error: grpc.RpcError) -> bool:
    """Whether another attempt may succeed: the peer was away, stopped, or overloaded."""
    details = error.details() or ""
    if error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED and TOO_LARGE in details:
        return False
    return error.code() in PASSING and details not in _OUR_OWN


def retry_after_s(error: grpc.RpcError) -> float:
    """Seconds after which the peer asks for another attempt; 0 if it does not say."""
    text = trailer_of(error, RETRY_AFTER)
    return min(int(text) / 1e3, MAX_RETRY_AFTER_S) if text.isdecimal() and len(text) < 10 else 0.0


def trailer_of(error: grpc.RpcError, name: str) -> str:
    """A trailer of the answer; empty without one."""
    metadata: Any = error.trailing_metadata() or ()  # pairs, of a type that differs with the kind of stub
    return next((str(value) for key, value in metadata if key == name), "")


async def call_again(
    call: Callable[[float], Awaitable[_Reply]],
    within_s: float,
    rng: np.random.Generator,
    *,
    passing: AbstractSet[grpc.StatusCode] = PASSING,
    backoff: Backoff = DEFAULT_BACKOFF,
    clock: _Clock = time.monotonic,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> _Reply:
    """The reply of the first attempt that succeeds.

    Args:
        call: one attempt, with its time limit in seconds.
        within_s: time limit of all attempts and pauses, in seconds.
        rng: jitter of the pauses.
        passing: statuses after which there is another attempt.
        backoff: pauses between attempts.
        clock: seconds that never go back.
        sleep: waits for a number of seconds.

    Raises:
        grpc.RpcError: a failure that does not pass; at the time limit that of the longest attempt.
    """
    attempts = _Attempts(within_s, rng, backoff, clock, passing)
    while True:
        try:
            return await call(attempts.start())
        except grpc.RpcError as error:
            pause_s = attempts.pause_s(error)
        await sleep(pause_s)


def call_again_blocking(
    call: Callable[[float], _Reply],
    within_s: float,
    rng: np.random.Generator,
    *,
    backoff: Backoff = DEFAULT_BACKOFF,
    clock: _Clock = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> _Reply:
    """`call_again` for the stubs of threads."""
    attempts = _Attempts(within_s, rng, backoff, clock)
    while True:
        try:
            return call(attempts.start())
        except grpc.RpcError as error:
            pause_s = attempts.pause_s(error)
        sleep(pause_s)


class _Attempts:
    """Time that is left, and the failure of the longest attempt: the last may have had no time."""

    def __init__(
        self,
        within_s: float,
        rng: np.random.Generator,
        backoff: Backoff,
        clock: _Clock,
        passing: AbstractSet[grpc.StatusCode] = PASSING,
    ) -> None:
        self._rng, self._backoff, self._clock, self._passing = rng, backoff, clock, passing
        self._deadline = clock() + within_s
        self._failed = 0
        self._started = clock()
        self._longest: tuple[float, grpc.RpcError] | None = None

    def start(self) -> float:
        """Start an attempt: its time limit in seconds."""
        self._started = self._clock()
        return max(self._deadline - self._started, 0.0)

    def pause_s(self, error: grpc.RpcError) -> float:
        """Seconds until the next attempt; raises an error if there is none."""
        now = self._clock()
        if error.code() in self._passing and may_pass(error):
            if self._longest is None or now - self._started > self._longest[0]:
                self._longest = (now - self._started, error)
            pause_s = retry_after_s(error) + self._backoff.pause_s(self._failed, self._rng)
            self._failed += 1
            if now + pause_s < self._deadline:
                return pause_s
        elif error.code() is not grpc.StatusCode.DEADLINE_EXCEEDED:
            raise error
        raise error if self._longest is None else self._longest[1]
