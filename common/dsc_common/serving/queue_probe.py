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


class QueueProbe(grpc.aio.ServerInterceptor):
    """Measures the wait of requests, while they come; the outermost interceptor, which answers its calls.

    Args:
        clock: seconds that never go back.
        pause: waits for a number of seconds.

    Attributes:
        folder: has the socket; only this user may enter it.

    Raises:
        DscError: there is no room for temporary files.
    """

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._clock, self._pause = clock, pause
        self._secret = secrets.token_hex(16)  # other calls are no probes
        self._method = ""
        self._asked: float | None = None
        self._before_s = self._last_s = 0.0
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

    @property
    def wait_s(self) -> float:
        """Seconds that both of the last two calls took at least; one may be under way.

        A service that stood still once, and then reads all that has come, has no queue any more.
        """
        under_way_s = 0.0 if self._asked is None else self._clock() - self._asked
        return max(min(self._before_s, self._last_s), min(self._last_s, under_way_s))

    def note(self, method: str) -> None:
        """A request has been read: its method is the next one to be measured."""
        self._method = method

    async def follow(self) -> None:
        """Measure until this task is cancelled."""
        async with grpc.aio.insecure_channel(self.address) as connection:

            async def ask(method: str) -> None:
                call: Any = connection.unary_unary(method)
                await call(b"", metadata=((_KEY, self._secret),), timeout=LIMIT_S)

            await self.follow_calls(ask)

    async def follow_calls(self, ask: Callable[[str], Awaitable[None]]) -> None:
        """Measure with calls until this task is cancelled; one that fails has taken its time as well.

        Args:
            ask: calls a method.
        """
        while True:
            method, self._method = self._method, ""
            self._before_s = self._last_s
            if method:
                self._asked = self._clock()
                with contextlib.suppress(grpc.aio.AioRpcError):
                    await ask(method)
                self._last_s, self._asked = self._clock() - self._asked, None
            else:
                self._last_s = 0.0
            await self._pause(PAUSE_S)


async def _answer(_request: bytes, _context: Context) -> bytes:
    return b""
