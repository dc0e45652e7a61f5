"""How long a request waits before the service reads it, measured as a client sees it: by a request.

gRPC keeps requests that the event loop has not come to, without a way to see how many there are, or how old.
A health check over a socket that nobody else can reach waits in the same queue.
"""

import asyncio
import contextlib
import shutil
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

PAUSE_S = 0.05
LIMIT_S = 60.0


class QueueProbe:
    """Measures the wait before a request is read, while requests come.

    Args:
        arrived: how many requests have been read; a service that reads none is not probed.
        clock: seconds that never go back.
        pause: waits for a number of seconds.
    """

    def __init__(
        self,
        arrived: Callable[[], int],
        clock: Callable[[], float] = time.monotonic,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._arrived, self._clock, self._pause = arrived, clock, pause
        self._asked: float | None = None
        self._before_s = self._last_s = 0.0
        self._folder = Path(tempfile.mkdtemp(prefix="dsc-"))  # only this user may enter it

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)

    @property
    def address(self) -> str:
        """Where the server listens for the probe, beside its other addresses."""
        return f"unix:{self._folder}/probe"

    @property
    def wait_s(self) -> float:
        """Seconds that both of the last two checks took at least; one may be under way.

        A service that stood still once, and then reads all that has come, has no queue any more.
        """
        under_way_s = 0.0 if self._asked is None else self._clock() - self._asked
        return max(min(self._before_s, self._last_s), min(self._last_s, under_way_s))

    async def follow(self) -> None:
        """Measure until this task is cancelled."""
        async with grpc.aio.insecure_channel(self.address) as connection:
            stub: Any = health_pb2_grpc.HealthStub(connection)
            await self.follow_checks(lambda: stub.Check(health_pb2.HealthCheckRequest(), timeout=LIMIT_S))

    async def follow_checks(self, check: Callable[[], Awaitable[object]]) -> None:
        """Measure with a check until this task is cancelled; one that fails has taken its time as well."""
        arrived = 0
        while True:
            self._before_s = self._last_s
            if arrived == self._arrived():
                self._last_s = 0.0
            else:
                arrived = self._arrived()
                self._asked = self._clock()
                with contextlib.suppress(grpc.aio.AioRpcError):
                    await check()
                self._last_s, self._asked = self._clock() - self._asked, None
            await self._pause(PAUSE_S)
