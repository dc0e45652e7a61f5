"""A server interceptor that turns the errors of every asynchronous method into statuses.

The package grpc-interceptor maps only exceptions derived from its base class; adapting it to our table takes
more code than this module.
"""

import contextlib
import inspect
from abc import ABC, abstractmethod
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
AnyHandler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"
Handler: TypeAlias = "AnyHandler | None"

_HANDLERS = {
    (False, False): ("unary_unary", grpc.unary_unary_rpc_method_handler),
    (False, True): ("unary_stream", grpc.unary_stream_rpc_method_handler),
    (True, False): ("stream_unary", grpc.stream_unary_rpc_method_handler),
    (True, True): ("stream_stream", grpc.stream_stream_rpc_method_handler),
}


class ChangingInterceptor(grpc.aio.ServerInterceptor, ABC):
    """Changes the handler of each call of a known method."""

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Handler]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Handler:
        """The changed handler of a call; None for an unknown method."""
        handler = await continuation(handler_call_details)
        return None if handler is None else self.changed(handler, handler_call_details)

    @abstractmethod
    def changed(self, handler: AnyHandler, details: grpc.HandlerCallDetails) -> Handler:
        """The handler to use in place of the one that the interceptors further in give."""


class StatusInterceptor(ChangingInterceptor):
    """Applies `errors_as_status` to each call."""

    def changed(self, handler: AnyHandler, details: grpc.HandlerCallDetails) -> Handler:
        """The handler of a call with its errors turned into statuses."""
        return rewrapped(handler, _guarded)


def rewrapped(handler: AnyHandler, wrap: Callable[[Method], Method]) -> Handler:
    """A handler of the same kind, with its method wrapped."""
    name, new_handler = _HANDLERS[bool(handler.request_streaming), bool(handler.response_streaming)]
    method = wrap(getattr(handler, name))
    return new_handler(method, handler.request_deserializer, handler.response_serializer)


class DecodingInterceptor(ChangingInterceptor):
    """Decodes the bytes of a request after all other interceptors have let the call in.

    gRPC would do it before, and answer bytes that are no message with UNKNOWN.
    """

    def changed(self, handler: AnyHandler, details: grpc.HandlerCallDetails) -> Handler:
        """The handler of a call, which takes bytes."""
        if handler.request_deserializer is None:
            return handler
        name, new_handler = _HANDLERS[bool(handler.request_streaming), bool(handler.response_streaming)]
        decode = partial(
            _each_decoded if handler.request_streaming else _decoded, handler.request_deserializer
        )
        return new_handler(_decoding(getattr(handler, name), decode), None, handler.response_serializer)


def _decoded(decode: Callable[[bytes], Any], data: bytes) -> Any:  # noqa: ANN401 (any message)
    try:
        return decode(data)
    except DecodeError as error:
        raise InvalidInputError(f"expected a message of this method, got {len(data)} other bytes") from error


async def _each_decoded(decode: Callable[[bytes], Any], requests: AsyncIterator[bytes]) -> AsyncIterator[Any]:
    async for data in requests:
        yield _decoded(decode, data)


def _decoding(method: Method, decode: Decode) -> Method:
    async def call(data: Any, context: Context) -> Any:  # noqa: ANN401 (any message)
        return await method(decode(data), context)

    async def stream(data: bytes, context: Context) -> AsyncIterator[Any]:
        async with contextlib.aclosing(method(decode(data), context)) as messages:
            async for message in messages:
                yield message

    return stream if inspect.isasyncgenfunction(method) else call


def _guarded(method: Method) -> Method:
    async def call(request: Any, context: Context) -> Any:  # noqa: ANN401 (any message)
        async with errors_as_status(context):
            return await method(request, context)

    async def stream(request: Any, context: Context) -> AsyncIterator[Any]:  # noqa: ANN401 (any message)
        async with errors_as_status(context), contextlib.aclosing(method(request, context)) as messages:
            async for message in messages:
                yield message

    # A streaming coroutine writes to the context.
    return stream if inspect.isasyncgenfunction(method) else call
