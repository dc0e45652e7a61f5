"""The outermost interceptor: each call's status, time and size, for the log and the metrics."""

import contextlib
import inspect
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from types import TracebackType
from typing import Any

import grpc

from dsc_common.observing.call import Call, begin, current_call
from dsc_common.observing.observer import Observer
from dsc_common.observing.trace import TRACEPARENT
from dsc_common.serving.interceptor import (
    AnyHandler,
    ChangingInterceptor,
    Context,
    Handler,
    Method,
    rewrapped,
)

_PROBES = "/grpc."  # health checks and reflection
_CODES = {code.value[0]: code.name for code in grpc.StatusCode}


class Observation(grpc.aio.ServerInterceptor):
    """Observes every call, also those that interceptors below it refuse."""

    def __init__(self, observer: Observer) -> None:
        self._observer = observer

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Handler]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Handler:
        """The handler of a call, observed; None for an unknown method, which is counted."""
        handler = await continuation(handler_call_details)
        if handler is None:
            self._observer.refused(grpc.StatusCode.UNIMPLEMENTED.name)
            return None
        method = handler_call_details.method
        is_query = not method.startswith(_PROBES) and not handler.response_streaming
        watch = partial(self._watched, method.removeprefix("/"), not method.startswith(_PROBES), is_query)
        return self._with_sizes(method.removeprefix("/"), rewrapped(handler, watch))

    def _with_sizes(self, method: str, handler: Handler) -> Handler:
        """The handler, which counts the bytes of each message that it sends."""
        count = self._observer.counter_of_sent(method)
        if handler is None or count is None or handler.response_serializer is None:
            return handler
        serialize = handler.response_serializer

        def counted(message: Any) -> bytes:  # noqa: ANN401 (any message)
            data = serialize(message)
            count(len(data))
            return data

        counting: Handler = handler._replace(response_serializer=counted)  # type: ignore[attr-defined]  # a named tuple
        return counting

    def _watched(self, name: str, is_logged: bool, is_query: bool, method: Method) -> Method:
        def watch(request: Any, context: Context) -> _Watch:  # noqa: ANN401 (any message)
            return _Watch(self._observer, name, is_logged, is_query, request, context)

        async def call(request: Any, context: Context) -> Any:  # noqa: ANN401
            with watch(request, context):
                return await method(request, context)

        async def stream(request: Any, context: Context) -> AsyncIterator[Any]:  # noqa: ANN401
            with watch(request, context):
                async with contextlib.aclosing(method(request, context)) as messages:
                    async for message in messages:
                        yield message

        return stream if inspect.isasyncgenfunction(method) else call


class _Watch:
    """A call while it is under way."""

    __slots__ = ("_begun", "_call", "_context", "_is_logged", "_is_query", "_observer")

    def __init__(
        self,
        observer: Observer,
        method: str,
        is_logged: bool,
        is_query: bool,
        request: Any,  # noqa: ANN401 (bytes, where an interceptor below decodes them)
        context: Context,
    ) -> None:
        self._observer, self._context = observer, context
        self._is_logged, self._is_query = is_logged, is_query
        self._call = Call(method, partial(_traceparent, context))
        self._begun = time.perf_counter()
        observer.begun(self._call, len(request) if isinstance(request, bytes) else 0)

    def __enter__(self) -> None:
        begin(self._call)

    def __exit__(
        self, _kind: type[BaseException] | None, error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        seconds = time.perf_counter() - self._begun
        status = _status(self._context, error)
        self._observer.ended(self._call, status, seconds, self._context, self._is_logged, self._is_query)


class Identification(ChangingInterceptor):
    """Notes the request id of each message that has one; innermost, where messages are decoded."""

    def changed(self, handler: AnyHandler, details: grpc.HandlerCallDetails) -> Handler:
        """The handler of a call."""
        if handler.request_streaming or handler.response_streaming:
            return handler
        return rewrapped(handler, _identified)


def _identified(method: Method) -> Method:
    def call(request: Any, context: Context) -> Any:  # noqa: ANN401 (any message; what it returns is awaited)
        current_call().request_id = getattr(request, "request_id", "")
        return method(request, context)

    return call


def _traceparent(context: Context) -> str | None:
    """The header of the caller; None if there is none, or several."""
    found = [value for key, value in context.invocation_metadata() or () if key == TRACEPARENT]
    return str(found[0]) if len(found) == 1 else None


def _status(context: Context, error: BaseException | None) -> str:
    code = context.code()
    number = code.value[0] if isinstance(code, grpc.StatusCode) else code or 0
    if number or error is None:
        return _CODES.get(number, "UNKNOWN")
    if isinstance(error, Exception):
        return grpc.StatusCode.UNKNOWN.name
    # Cancelled: by the client, or by gRPC as its time is over.
    left_s = context.time_remaining()
    is_late = left_s is not None and left_s <= 0
    return (grpc.StatusCode.DEADLINE_EXCEEDED if is_late else grpc.StatusCode.CANCELLED).name
