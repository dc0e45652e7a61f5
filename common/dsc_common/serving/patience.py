"""Bound the time that a client takes to send its request, and to take its answer.

gRPC waits for both without end, before any method is called and after it has returned: such calls hold
memory, and no gate counts them.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

import grpc

from dsc_common.errors import OverloadedError
from dsc_common.serving.interceptor import Context, Handler, Method, rewrapped
from dsc_common.serving.status import errors_as_status

LOG = logging.getLogger(__name__)
MAX_ARRIVING = 4096  # requests whose message is still to come


class Patience(grpc.aio.ServerInterceptor):
    """Cancels calls whose client stalls; the innermost of the interceptors.

    Streams of requests are left alone, and so are streams of answers once the request has arrived.

    Args:
        stall_s: seconds that a request may take to arrive, and an answer to be taken.
        max_arriving: requests that may be on their way at once; more are refused.
    """

    def __init__(self, stall_s: float, max_arriving: int = MAX_ARRIVING) -> None:
        self._stall_s, self._max_arriving = stall_s, max_arriving
        self._arriving = 0

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Handler]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Handler:
        """The handler of a call, with its times bounded; None for an unknown method."""
        handler = await continuation(handler_call_details)
        task = asyncio.current_task()
        if handler is None or handler.request_streaming or task is None:
            return handler
        if self._arriving >= self._max_arriving:
            return grpc.stream_unary_rpc_method_handler(self._refuse)  # is called without a message
        arrival = _Limit(task, self._stall_s, self._arrived)
        self._arriving += 1

        def answered(method: Method) -> Method:
            async def call(request: Any, context: Context) -> Any:  # noqa: ANN401 (any message)
                arrival.end()
                message = await method(request, context)
                _Limit(task, self._stall_s)
                return message

            return call

        def streamed(method: Method) -> Method:
            def stream(request: Any, context: Context) -> Any:  # noqa: ANN401 (a generator or a coroutine)
                arrival.end()
                return method(request, context)

            return stream

        return rewrapped(handler, streamed if handler.response_streaming else answered)

    def _arrived(self) -> None:
        self._arriving -= 1

    async def _refuse(self, _requests: object, context: Context) -> None:
        async with errors_as_status(context):
            raise OverloadedError(f"{self._max_arriving} requests are on their way, as many as are allowed")


class _Limit:
    """Cancels a task after some seconds, unless it ends, or the limit ends, before.

    Args:
        task: the task.
        limit_s: the seconds.
        ended: is called once, at the end of either.
    """

    def __init__(
        self, task: "asyncio.Task[Any]", limit_s: float, ended: Callable[[], None] = lambda: None
    ) -> None:
        self._task, self._ended, self._is_over = task, ended, False
        self._timer = asyncio.get_running_loop().call_later(limit_s, self._expire)
        task.add_done_callback(self.end)

    def end(self, _task: object = None) -> None:
        """No effect from the second time on."""
        if not self._is_over:
            self._is_over = True
            self._timer.cancel()
            self._task.remove_done_callback(self.end)
            self._ended()

    def _expire(self) -> None:
        LOG.info("a call was ended: its client did not send the request, or take the answer, in time")
        self._task.cancel()
