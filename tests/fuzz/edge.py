"""The edge of a service without sockets: bytes in, status and bytes out, through its real interceptors.

`new_server` and `add_services` assemble the service as in a process; gRPC's server is replaced by a recorder
of what they add, and the calls below do with it what gRPC does.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Any
from unittest.mock import patch

import grpc

from dsc_common.observing.observer import Observer
from dsc_common.observing.registry import Registry
from dsc_common.serving.access import Access, OpenAccess
from dsc_common.serving.audit import Audit
from dsc_common.serving.authorisation import Authorisation
from dsc_common.serving.health import Health
from dsc_common.serving.limits import ServingLimits
from dsc_common.serving.server import Service, add_services, new_server

Metadata = tuple[tuple[str, str | bytes], ...]
MAX_MESSAGES = 64  # read of a stream
MAX_STATUS_BYTES = 8 << 10  # gRPC drops an answer with more metadata


@dataclass
class Answer:
    """What a client would receive.

    Attributes:
        code: the status.
        details: its line.
        trailing: the trailing metadata.
        messages: serialized responses.
        escaped: an exception that left all interceptors, which gRPC answers with UNKNOWN.
    """

    code: grpc.StatusCode = grpc.StatusCode.OK
    details: str = ""
    trailing: Metadata = ()
    messages: list[bytes] = field(default_factory=list)
    escaped: BaseException | None = None


class _EnoughError(asyncio.CancelledError):
    """The client has read as many messages as it wants, and cancels the call."""


class _Details:
    """As grpc.HandlerCallDetails."""

    def __init__(self, method: str, metadata: Metadata) -> None:
        self.method, self.invocation_metadata = method, metadata


class _Context:
    """What a handler may ask and do."""

    def __init__(
        self, metadata: Metadata, answer: Answer, serialize: Any, left_s: float | None, most: int
    ) -> None:
        self._metadata, self._answer, self._most = metadata, answer, most
        self._serialize, self._left_s = serialize, left_s

    async def abort(self, code: grpc.StatusCode, details: str = "", trailing_metadata: Metadata = ()) -> None:
        if code is grpc.StatusCode.OK:
            code, details = grpc.StatusCode.UNKNOWN, ""
        self._answer.code, self._answer.details = code, details
        self._answer.trailing = tuple(trailing_metadata)
        raise grpc.aio.AbortError("Locally aborted.")

    async def write(self, message: Any) -> None:
        self._answer.messages.append(self._serialize(message) if self._serialize else message)
        if len(self._answer.messages) >= self._most:
            raise _EnoughError

    async def send_initial_metadata(self, metadata: Metadata) -> None:
        pass

    def set_trailing_metadata(self, metadata: Metadata) -> None:
        self._answer.trailing = tuple(metadata)

    def trailing_metadata(self) -> Metadata:
        return self._answer.trailing

    def set_code(self, code: grpc.StatusCode) -> None:
        self._answer.code = code

    def set_details(self, details: str) -> None:
        self._answer.details = details

    def code(self) -> grpc.StatusCode:
        return self._answer.code

    def details(self) -> str:
        return self._answer.details

    def invocation_metadata(self) -> Metadata:
        return self._metadata

    def time_remaining(self) -> float | None:
        return self._left_s

    def peer(self) -> str:
        return "ipv4:127.0.0.1:9"

    def peer_identities(self) -> None:
        return None

    def peer_identity_key(self) -> None:
        return None

    def auth_context(self) -> dict[str, Any]:
        return {}

    def add_done_callback(self, callback: Any) -> None:
        pass

    def cancelled(self) -> bool:
        return False

    def done(self) -> bool:
        return False


class _Recorder(grpc.aio.Server):
    """In place of a server of gRPC: reflection asks for its class."""

    def __init__(self, *_arguments: Any, interceptors: Sequence[Any] = (), **_options: Any) -> None:
        self.interceptors = list(interceptors)
        self.handlers: list[Any] = []

    def add_generic_rpc_handlers(self, handlers: Sequence[Any]) -> None:
        self.handlers += handlers

    def add_registered_method_handlers(self, name: str, handlers: Any) -> None:
        pass


_Recorder.__abstractmethods__ = frozenset()  # it is never started


class Edge:
    """A service that answers calls of this process."""

    def __init__(self, services: Sequence[Service], access: Access | None = None) -> None:
        with patch("grpc.aio.server", _Recorder):
            observer = Observer(registry=Registry())
            roles = {service.name: service.role for service in services}
            authorisation = Authorisation(access or OpenAccess(), roles, Audit())
            limits = ServingLimits(max_requests_per_s=0)
            self._server: Any = new_server(limits, observer=observer, authorisation=authorisation)
        add_services(self._server, services, Health())

    async def call(
        self, method: str, data: bytes, metadata: Metadata = (), left_s: float | None = 30.0
    ) -> Answer:
        """The answer to the bytes of a request."""
        answer = Answer()
        try:
            handler = await self._handler(iter(self._server.interceptors), _Details(method, metadata))
            if handler is None:
                answer.code, answer.details = grpc.StatusCode.UNIMPLEMENTED, "Method not found!"
            else:
                most = 1 if method.endswith("/Watch") else MAX_MESSAGES  # it does not end by itself
                serialize = handler.response_serializer
                await _handle(handler, data, _Context(metadata, answer, serialize, left_s, most))
        except (grpc.aio.AbortError, _EnoughError):
            pass
        except Exception as error:
            answer.code, answer.escaped = grpc.StatusCode.UNKNOWN, error
        return answer

    async def _handler(self, interceptors: Any, details: Any) -> Any:
        interceptor = next(interceptors, None)
        if interceptor is not None:

            async def proceed(details: Any) -> Any:
                return await self._handler(interceptors, details)

            return await interceptor.intercept_service(proceed, details)
        found = (generic.service(details) for generic in self._server.handlers)
        return next((handler for handler in found if handler is not None), None)


async def _handle(handler: Any, data: bytes, context: _Context) -> None:
    name = ("stream_" if handler.request_streaming else "unary_") + (
        "stream" if handler.response_streaming else "unary"
    )
    method, decode = getattr(handler, name), handler.request_deserializer or (lambda data: data)
    request = _stream(data, decode) if handler.request_streaming else decode(data)
    if not handler.response_streaming:
        await context.write(await method(request, context))
        return
    responses = method(request, context)
    if hasattr(responses, "__aiter__"):
        async for message in responses:
            await context.write(message)
    else:
        await responses


async def _stream(data: bytes, decode: Any) -> AsyncIterator[Any]:
    yield decode(data)
