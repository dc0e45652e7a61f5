"""Bound the time that requests take to arrive, where many are on their way.

gRPC waits for the message of a call without end, before any method is called, and no gate counts such calls.
A few do no harm. Only beyond them a call is received as a stream of requests, which can be ended with a
status; that costs some 0.05 ms.
"""

import asyncio
import contextlib
import inspect
from collections.abc import AsyncIterator
from typing import Any

import grpc

from dsc_common.errors import DeadlineError, InvalidInputError, OverloadedError
from dsc_common.serving.interceptor import (
    AnyHandler,
    ChangingInterceptor,
    Context,
    Handler,
    Method,
    rewrapped,
)
from dsc_common.serving.status import errors_as_status

CARELESS = 128  # calls that may wait for their requests without end, if these take no more than
CARELESS_BYTES = 64 << 20
MOST_ARRIVING = 20_000


class Arrival(ChangingInterceptor):
    """Ends calls whose request does not arrive; outside of those that count calls. It leaves streams alone.

    Args:
        limit_s: seconds that a request may take to arrive.
        max_message_bytes: largest request.
    """

    def __init__(self, limit_s: float, max_message_bytes: int) -> None:
        self._limit_s = limit_s
        self._careless = min(CARELESS, max(1, CARELESS_BYTES // max_message_bytes))
        self._arriving: set[object] = set()

    def changed(self, handler: AnyHandler, details: grpc.HandlerCallDetails) -> Handler:
        """The handler of a call, with the time of its request bounded."""
        call = asyncio.current_task()
        if handler.request_streaming or call is None:
            return handler
        is_bounded = len(self._arriving) >= self._careless
        self._arriving.add(call)
        call.add_done_callback(self._arriving.discard)
        if is_bounded:
            return self._bounded(handler, call)
        return rewrapped(handler, lambda method: self._noted(method, call))

    def _noted(self, method: Method, call: object) -> Method:
        """The method; its call is no longer on its way when it begins."""
        if inspect.isasyncgenfunction(method):

            async def generate(request: Any, context: Context) -> AsyncIterator[Any]:  # noqa: ANN401
                self._arriving.discard(call)
                async with contextlib.aclosing(method(request, context)) as messages:
                    async for message in messages:
                        yield message

            return generate

        async def answer(request: Any, context: Context) -> Any:  # noqa: ANN401 (any message)
            self._arriving.discard(call)
            return await method(request, context)

        return answer

    def _bounded(self, handler: AnyHandler, call: object) -> Handler:
        """The handler of the same method for a stream that has one request."""
        kind, new_handler = (
            ("unary_stream", grpc.stream_stream_rpc_method_handler)
            if handler.response_streaming
            else ("unary_unary", grpc.stream_unary_rpc_method_handler)
        )
        method = self._noted(getattr(handler, kind), call)

        async def generate(requests: AsyncIterator[Any], context: Context) -> AsyncIterator[Any]:
            request = await self._request(requests, context)
            async with contextlib.aclosing(method(request, context)) as messages:
                async for message in messages:
                    yield message

        async def answer(requests: AsyncIterator[Any], context: Context) -> Any:  # noqa: ANN401 (any message)
            return await method(await self._request(requests, context), context)

        received = generate if inspect.isasyncgenfunction(method) else answer
        return new_handler(received, handler.request_deserializer, handler.response_serializer)

    async def _request(self, requests: AsyncIterator[Any], context: Context) -> Any:  # noqa: ANN401 (any message)
        async with errors_as_status(context):
            if len(self._arriving) > MOST_ARRIVING:
                raise OverloadedError(f"{MOST_ARRIVING} requests are on their way, as many as are allowed")
            try:
                async with asyncio.timeout(self._limit_s):
                    return await anext(requests)
            except StopAsyncIteration:
                raise InvalidInputError("expected a request, got a call without one") from None
            except TimeoutError:
                raise DeadlineError(f"expected the request within {self._limit_s:g} s") from None
