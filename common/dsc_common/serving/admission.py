"""Admit a bounded number of calls of each kind, refuse the others, and bring all to their end at a stop.

The limit of gRPC, `maximum_concurrent_rpcs`, counts health checks and downloads among the requests.
"""

import asyncio
import contextlib
import logging
from collections import Counter
from collections.abc import AsyncGenerator, Iterator
from functools import partial
from typing import Any

import grpc

from dsc_common.errors import OverloadedError, UnreachableError
from dsc_common.serving.caller import caller_key
from dsc_common.serving.interceptor import (
    AnyHandler,
    ChangingInterceptor,
    Context,
    Handler,
    Method,
    rewrapped,
)
from dsc_common.serving.limits import ServingLimits
from dsc_common.serving.queue_probe import QueueProbe
from dsc_common.serving.rate import RateLimit

LOG = logging.getLogger(__name__)
MAX_OBSERVERS = 100
FEW = 4
QUIET_S = 0.1
ADMITTING_S = 1.0  # requests that wait in gRPC's queue when the signal comes are still answered
REFUSING_S = 0.5  # requests that wait there then are refused, with the reason
ENDING_S = 1.0
_OBSERVING = ("/grpc.health.", "/grpc.reflection.")


class Gate:
    """Up to `limit` calls at once.

    Attributes:
        limit: number of calls that are admitted at once.
        noun: one of the calls in error lines.
        tasks: the calls under way.

    Args:
        share: number of calls of one caller that are admitted at once; None: all.
    """

    def __init__(self, limit: int, noun: str, share: int | None = None) -> None:
        self.limit, self.noun, self._share = limit, noun, share
        self._of: Counter[str] = Counter()
        self.tasks: set[asyncio.Task[Any]] = set()
        self._ended: set[asyncio.Task[Any]] = set()

    @contextlib.contextmanager
    def admit(self, caller: str) -> Iterator[None]:
        """Hold a place; OverloadedError if none is free, UnreachableError if `end` ended the call."""
        if self._share is not None and self._of[caller] >= self._share:
            raise OverloadedError(
                f"{self._share} {self.noun}s of this client are under way, as many as are allowed at once"
            )
        if len(self.tasks) >= self.limit:
            calls = f"{self.noun} is" if self.limit == 1 else f"{self.noun}s are"
            raise OverloadedError(f"{self.limit} {calls} under way, as many as are allowed at once")
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("expected a running task")
        self.tasks.add(task)
        self._of[caller] += 1
        try:
            yield
        except asyncio.CancelledError:
            if task not in self._ended:
                raise
            task.uncancel()
            raise UnreachableError("the service stopped before the end of this call") from None
        finally:
            self.tasks.discard(task)
            self._ended.discard(task)
            self._of[caller] -= 1
            if not self._of[caller]:
                del self._of[caller]

    def end(self) -> set[asyncio.Task[Any]]:
        """End all calls with UnreachableError: their tasks."""
        self._ended = set(self.tasks)
        for task in self._ended:
            task.cancel()
        return set(self._ended)


class Admission(ChangingInterceptor):
    """Admits requests (one answer), downloads (many) and observers (health, reflection) separately.

    Args:
        limits: bounds of the service.
        probe: measures how long requests wait before they are read; None: they are not refused for that.

    Health checks are always admitted. Requests and downloads count towards the rate of their client.
    """

    def __init__(self, limits: ServingLimits, probe: QueueProbe | None = None) -> None:
        self._probe, self._max_queue_s = probe, limits.max_queue_s
        self._requests = Gate(limits.max_requests_at_once, "request")
        downloads = limits.max_downloads_at_once
        self._downloads = Gate(downloads, "download", _share_of(downloads))
        self._observers = Gate(MAX_OBSERVERS, "watcher", _share_of(MAX_OBSERVERS))
        self._rate = RateLimit(limits.max_requests_per_s)
        self._stall_s = limits.stall_s
        self._arrived = 0
        self._refusing = False

    def changed(self, handler: AnyHandler, details: grpc.HandlerCallDetails) -> Handler:
        """The handler of a call behind the gate of its kind."""
        if details.method.startswith(_OBSERVING):
            observe = partial(self._streamed, self._observers, None)
            return rewrapped(handler, observe) if handler.response_streaming else handler
        self._arrived += 1
        if handler.response_streaming:
            return rewrapped(handler, partial(self._streamed, self._downloads, self._stall_s))
        return rewrapped(handler, partial(self._answered, details.method))

    def _answered(self, name: str, method: Method) -> Method:
        async def call(request: Any, context: Context) -> Any:  # noqa: ANN401 (any message)
            if self._probe is not None:
                self._probe.note(name)
                self._require_short_queue(self._probe.wait_s(name))
            with self._admit(self._requests, caller_key(context)):
                return await method(request, context)

        return call

    def _streamed(self, gate: Gate, stall_s: float | None, method: Method) -> Method:
        async def stream(request: Any, context: Context) -> None:  # noqa: ANN401 (any message)
            with self._admit(gate, caller_key(context)):
                async with contextlib.aclosing(_messages(method(request, context))) as messages:
                    async for message in messages:
                        await _write(context, message, stall_s)

        return stream

    @contextlib.contextmanager
    def _admit(self, gate: Gate, caller: str) -> Iterator[None]:
        """Hold a place of a gate; requests and downloads count towards the rate of their caller."""
        if self._refusing:
            raise UnreachableError("the service stops")
        if gate is not self._observers:
            self._rate.require(caller)
        with gate.admit(caller):
            yield

    def _require_short_queue(self, wait_s: float) -> None:
        """Refuse what comes from a long queue: refusals are fast, so the queue becomes short."""
        if wait_s > self._max_queue_s:
            raise OverloadedError(
                f"requests wait {1e3 * wait_s:.0f} ms before they are read, "
                f"more than {1e3 * self._max_queue_s:.0f} ms",
                retry_after_s=wait_s,
            )

    async def drain(self, grace_s: float) -> None:
        """Answer the calls under way and those that have arrived; after `grace_s` seconds, end them.

        Args:
            grace_s: time limit of the calls under way, in seconds.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + grace_s
        await self._until_quiet(min(ADMITTING_S, grace_s))
        self._refusing = True
        await self._until_quiet(deadline - loop.time(), also_arrivals=False)  # some ask again and again
        await self._until_quiet(min(REFUSING_S, deadline - loop.time()))
        if unanswered := self._under_way():
            LOG.warning("calls that were ended without an answer after %g s: %d", grace_s, len(unanswered))
        gates = (self._requests, self._downloads, self._observers)
        ended = set().union(*(gate.end() for gate in gates))
        if ended:
            await asyncio.wait(ended, timeout=ENDING_S)

    def _under_way(self) -> set[asyncio.Task[Any]]:
        return self._requests.tasks | self._downloads.tasks

    async def _until_quiet(self, limit_s: float, *, also_arrivals: bool = True) -> None:
        """Wait until no call is under way and none has arrived for a while, at most `limit_s` seconds."""
        loop = asyncio.get_running_loop()
        deadline, arrived = loop.time() + limit_s, -1
        while loop.time() < deadline:
            if not self._under_way() and not (also_arrivals and arrived != self._arrived):
                return
            arrived = self._arrived
            await asyncio.sleep(max(0.0, min(QUIET_S, deadline - loop.time())))


def _share_of(limit: int) -> int:
    """Places that one caller may hold for long."""
    return max(FEW, limit // 4)


async def _messages(responses: Any) -> AsyncGenerator[Any, None]:  # noqa: ANN401 (a generator or a coroutine)
    """The messages of a method; none of a coroutine, which writes them itself."""
    if not hasattr(responses, "__aiter__"):
        await responses
        return
    async with contextlib.aclosing(responses):
        async for message in responses:
            yield message


async def _write(context: Context, message: Any, stall_s: float | None) -> None:  # noqa: ANN401 (any message)
    try:
        async with asyncio.timeout(stall_s):
            await context.write(message)
    except TimeoutError:
        LOG.warning("a download was ended: %s received nothing for %g s", context.peer(), stall_s)
        # The place is free at once; the client reads this after the pieces that it has not read.
        raise UnreachableError(f"the download was ended: nothing was received for {stall_s:g} s") from None
