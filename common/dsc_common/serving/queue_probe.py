"""How long a request waits before the service reads it, measured as a client sees it: by a request.

gRPC keeps the requests that the event loop has not come to in a queue of each method. It reads one in each
turn of the loop, and has no way to see how many wait, or how long. So a call of the same method, over a
socket that nobody else can reach, waits in that queue; it is answered as soon as it is read.
"""

import asyncio
import contextlib
import secrets
import shutil
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import grpc

from dsc_common.errors import DscError
from dsc_common.serving.interceptor import Context, Handler

PAUSE_S = 0.05
LIMIT_S = 60.0
_KEY = "dsc-probe"


class Queue:
    """The wait in the queue of one method.

    Args:
        clock: seconds that never go back.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._is_noted = False
        self._asked: float | None = None
        self._before_s = self._last_s = 0.0

    @property
    def wait_s(self) -> float:
        """Seconds that both of the last two calls took at least; one may be under way.

        A service that stood still once, and then reads all that has come, has no queue any more.
        """
        under_way_s = 0.0 if self._asked is None else self._clock() - self._asked
        return max(min(self._before_s, self._last_s), min(self._last_s, under_way_s))

    def note(self) -> None:
        """A request has been read: there may be others."""
        self._is_noted = True

    async def measure(self, ask: Callable[[], Awaitable[object]]) -> None:
        """Measure with a call, if requests come; one that fails has taken its time as well."""
        self._before_s = self._last_s
        if self._is_noted:
            self._is_noted = False
            self._asked = self._clock()
            with contextlib.suppress(grpc.aio.AioRpcError):
                await ask()
            self._last_s, self._asked = self._clock() - self._asked, None
        else:
            self._last_s = 0.0


class QueueProbe(grpc.aio.ServerInterceptor):
    """Measures the wait of requests, while they come; the outermost interceptor, which answers its calls.

    Args:
        clock: seconds that never go back.

    Attributes:
        folder: has the socket; only this user may enter it.
        queues: by method, of those that exist and were called.

    Raises:
        DscError: there is no room for temporary files.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._secret = secrets.token_hex(16)  # other calls are no probes
        self.queues: dict[str, Queue] = {}
        self._new = asyncio.Event()
        try:
            self.folder = Path(tempfile.mkdtemp(prefix="dsc-"))
        except OSError as error:
            raise DscError(f"cannot make a temporary folder: {error.strerror or error}") from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Handler]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Handler:
        """The handler of a call; for a probe one that answers at once."""
        metadata: Any = handler_call_details.invocation_metadata or ()
        if any(key == _KEY and value == self._secret for key, value in metadata):
            return grpc.unary_unary_rpc_method_handler(_answer)
        return await continuation(handler_call_details)

    @property
    def address(self) -> str:
        """Where the server listens for the probe, beside its other addresses."""
        return f"unix:{self.folder}/probe"

    def wait_s(self, method: str) -> float:
        """Seconds that requests of a method wait, as its `Queue` has it."""
        queue = self.queues.get(method)
        return 0.0 if queue is None else queue.wait_s

    def note(self, method: str) -> None:
        """A request of a method has been read."""
        if method not in self.queues:
            self.queues[method] = Queue(self._clock)
            self._new.set()
        self.queues[method].note()

    async def follow(self) -> None:
        """Measure until this task is cancelled; each method by itself, so that none waits for another."""
        async with grpc.aio.insecure_channel(self.address) as connection, asyncio.TaskGroup() as tasks:
            followed = set[str]()
            while True:
                for method in self.queues.keys() - followed:
                    followed.add(method)
                    tasks.create_task(self._follow(method, connection))
                self._new.clear()
                await self._new.wait()

    async def _follow(self, method: str, connection: grpc.aio.Channel) -> None:
        call: Any = connection.unary_unary(method)
        queue = self.queues[method]
        while True:
            await queue.measure(lambda: call(b"", metadata=((_KEY, self._secret),), timeout=LIMIT_S))
            await asyncio.sleep(PAUSE_S)


async def _answer(_request: bytes, _context: Context) -> bytes:
    return b""
