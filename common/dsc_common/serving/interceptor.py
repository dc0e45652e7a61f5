"""A server interceptor that turns the errors of every asynchronous method into statuses.

The package grpc-interceptor maps only exceptions derived from its base class; adapting it to our table takes
more code than this module.
"""

import contextlib
import inspect
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from typing import Any, TypeAlias

import grpc
from google.protobuf.message import DecodeError

from dsc_common.errors import InvalidInputError
from dsc_common.serving.status import errors_as_status

Context = grpc.aio.ServicerContext[Any, Any]
# A method of a servicer: a coroutine function, or an asynchronous generator for streamed responses.
Method = Callable[[Any, Context], Any]
Decode = Callable[[Any], Any]
Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any] | None"

_HANDLERS = {
    (False, False): ("unary_unary", grpc.unary_unary_rpc_method_handler),
    (False, True): ("unary_stream", grpc.unary_stream_rpc_method_handler),
    (True, False): ("stream_unary", grpc.stream_unary_rpc_method_handler),
    (True, True): ("stream_stream", grpc.stream_stream_rpc_method_handler),
}


class StatusInterceptor(grpc.aio.ServerInterceptor):
    """Applies `errors_as_status` to each call."""

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Handler]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Handler:
        """The handler of a call with its errors turned into statuses; None for an unknown method."""
        handler = await continuation(handler_call_details)
        if handler is None:
            return None
        return _guarded_handler(handler)


def rewrapped(handler: "grpc.RpcMethodHandler[Any, Any]", wrap: Callable[[Method], Method]) -> Handler:
    """A handler of the same kind, with its method wrapped."""
    name, new_handler = _HANDLERS[bool(handler.request_streaming), bool(handler.response_streaming)]
    method = wrap(getattr(handler, name))
    return new_handler(method, handler.request_deserializer, handler.response_serializer)


def _guarded_handler(handler: "grpc.RpcMethodHandler[Any, Any]") -> Handler:
    """The handler with its errors as statuses; it decodes the bytes of a request itself.

    gRPC answers bytes that are no message with UNKNOWN.
    """
    name, new_handler = _HANDLERS[bool(handler.request_streaming), bool(handler.response_streaming)]
    method, decode = getattr(handler, name), handler.request_deserializer
    if decode is None:
        return new_handler(_guarded(method, lambda request: request), None, handler.response_serializer)
    decoded = partial(_each_decoded if handler.request_streaming else _decoded, decode)
    return new_handler(_guarded(method, decoded), None, handler.response_serializer)


def _decoded(decode: Callable[[bytes], Any], data: bytes) -> Any:  # noqa: ANN401 (any message)
    try:
        return decode(data)
    except DecodeError as error:
        raise InvalidInputError(f"expected a message of this method, got {len(data)} other bytes") from error


async def _each_decoded(decode: Callable[[bytes], Any], requests: AsyncIterator[bytes]) -> AsyncIterator[Any]:
    async for data in requests:
        yield _decoded(decode, data)


def _guarded(method: Method, decode: Decode) -> Method:
    if inspect.isasyncgenfunction(method):
        return _guarded_stream(method, decode)
    return _guarded_call(method, decode)  # a streaming coroutine writes to the context


def _guarded_call(method: Method, decode: Decode) -> Method:
    async def call(request: Any, context: Context) -> Any:  # noqa: ANN401 (any message)
        async with errors_as_status(context):
            return await method(decode(request), context)

    return call


def _guarded_stream(method: Method, decode: Decode) -> Method:
    async def stream(request: Any, context: Context) -> AsyncIterator[Any]:  # noqa: ANN401 (any message)
        async with (
            errors_as_status(context),
            contextlib.aclosing(method(decode(request), context)) as messages,
        ):
            async for message in messages:
                yield message

    return stream
