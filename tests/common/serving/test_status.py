"""Every error through a real server and back: the same class, the same line, unary and streamed."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from dsc_common import errors
from dsc_common.cli.printable import printable
from dsc_common.errors import (
    DamagedIndexError,
    DeadlineError,
    DscError,
    InvalidInputError,
    OverloadedError,
    UnreachableError,
)
from dsc_common.serving.address import Peer
from dsc_common.serving.server import ServingLimits, new_server
from dsc_common.serving.status import MAX_LINE_CHARACTERS, STATUS, PeerStatusError, call_error

SERVICE = "test.Failing"
METHODS = ("Unary", "UnaryStream", "StreamUnary", "StreamStream")
STREAMED = ("UnaryStream", "StreamStream")
LINE = "expected 47 bytes, got 46: ü"
CLASSES = [
    kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, errors.DscError)
]


class SpecialError(DamagedIndexError):
    """A class that the table does not name."""


class Failing:
    """Methods of all four kinds that raise what they hold; streams send one message before."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    async def call(self, _request: Any, _context: Any) -> bytes:
        raise self.error

    async def stream(self, _request: Any, _context: Any) -> AsyncIterator[bytes]:
        yield b"first"
        raise self.error

    async def write(self, _request: Any, context: Any) -> None:
        await context.write(b"first")
        raise self.error

    def handlers(self) -> dict[str, Any]:
        return {
            "Unary": grpc.unary_unary_rpc_method_handler(self.call),
            "UnaryStream": grpc.unary_stream_rpc_method_handler(self.stream),
            "StreamUnary": grpc.stream_unary_rpc_method_handler(self.call),
            "StreamStream": grpc.stream_stream_rpc_method_handler(self.stream),
            "Written": grpc.unary_stream_rpc_method_handler(self.write),
        }


Use = Callable[[grpc.aio.Channel], Awaitable[Any]]


def served(error: Exception, use: Use) -> tuple[Any, str]:
    """What `use` gives with a server whose methods raise `error`, and the server's address."""

    async def serve_and_use() -> tuple[Any, str]:
        server = new_server(ServingLimits())
        handler = grpc.method_handlers_generic_handler(SERVICE, Failing(error).handlers())
        server.add_generic_rpc_handlers((handler,))
        health_pb2_grpc.add_HealthServicer_to_server(health.aio.HealthServicer(), server)
        address = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
        await server.start()
        try:
            async with grpc.aio.insecure_channel(address) as channel:
                return await use(channel), address
        finally:
            await server.stop(None)

    return asyncio.run(serve_and_use())


async def receive(channel: grpc.aio.Channel, method: str, messages: list[bytes]) -> None:
    """Call a method and append its messages."""
    path = f"/{SERVICE}/{method}"
    if method == "Unary":
        messages.append(await channel.unary_unary(path)(b""))
    elif method == "StreamUnary":
        messages.append(await channel.stream_unary(path)(iter([b""])))
    else:
        streams = method == "StreamStream"
        call: Any = channel.stream_stream(path)(iter([b""])) if streams else channel.unary_stream(path)(b"")
        async for message in call:
            messages.append(message)


def failure(error: Exception, method: str) -> tuple[grpc.StatusCode, DscError]:
    """The status of a failed call, and the error that the client makes of it."""

    async def fail(channel: grpc.aio.Channel) -> grpc.aio.AioRpcError:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await receive(channel, method, [])
        return caught.value

    status, address = served(error, fail)
    return status.code(), call_error(status, Peer("server", address))


def test_every_error_has_a_status() -> None:
    assert set(STATUS) == set(CLASSES)


@pytest.mark.parametrize("method", [*METHODS, "Written"])
@pytest.mark.parametrize("kind", CLASSES)
def test_an_error_arrives_as_it_was_raised(kind: type[DscError], method: str) -> None:
    code, error = failure(kind(LINE), method)
    assert (code, str(error)) == (STATUS[kind], LINE)
    assert type(error) is kind


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(("sent_s", "arrives_s"), [(0.0, 0.0), (0.25, 0.25), (0.0001, 0.001), (1e6, 60.0)])
def test_the_time_to_wait_arrives(method: str, sent_s: float, arrives_s: float) -> None:
    _, error = failure(OverloadedError(LINE, retry_after_s=sent_s), method)
    assert isinstance(error, OverloadedError)
    assert error.retry_after_s == arrives_s


def test_a_class_that_the_table_does_not_name_arrives_as_its_base() -> None:
    code, error = failure(SpecialError(LINE), "Unary")
    assert (code, type(error), str(error)) == (grpc.StatusCode.DATA_LOSS, DamagedIndexError, LINE)


@pytest.mark.parametrize("method", METHODS)
def test_any_other_error_is_logged_and_not_shown(method: str, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR):
        code, error = failure(KeyError("a secret"), method)
    assert (code, type(error)) == (grpc.StatusCode.INTERNAL, PeerStatusError)
    assert str(error).startswith("server at 127.0.0.1:")
    assert str(error).endswith(" failed (INTERNAL): internal error; the service's log has the details")
    assert "a secret" in caplog.text


@pytest.mark.parametrize("method", STREAMED)
def test_what_was_streamed_before_an_error_arrives(method: str) -> None:
    async def first(channel: grpc.aio.Channel) -> list[bytes]:
        messages: list[bytes] = []
        with pytest.raises(grpc.aio.AioRpcError):
            await receive(channel, method, messages)
        return messages

    assert served(InvalidInputError(LINE), first)[0] == [b"first"]


@pytest.mark.parametrize("line", ["x" * 100_000, "\N{GRINNING FACE}" * 5_000, "\x1b" * 20_000])
def test_a_line_longer_than_grpc_can_send_arrives_cut(line: str) -> None:
    code, error = failure(InvalidInputError(line), "Unary")
    assert (code, type(error)) == (grpc.StatusCode.INVALID_ARGUMENT, InvalidInputError)
    assert str(error) == printable(line)[: MAX_LINE_CHARACTERS - 1] + "…"


def test_what_a_line_quotes_is_printable() -> None:
    quoted = "expected one of a, b, got \x1b[2J\r\nline two\u2028\u202e"
    assert str(failure(InvalidInputError(quoted), "Unary")[1]) == (
        "expected one of a, b, got \\x1b[2J\\r\\nline two\\u2028\\u202e"
    )


async def check_bytes(channel: grpc.aio.Channel, request: bytes) -> grpc.aio.AioRpcError:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await channel.unary_unary("/grpc.health.v1.Health/Check")(request)
    return caught.value


def test_bytes_that_are_no_message_are_an_invalid_argument() -> None:
    status, _ = served(DscError(LINE), lambda channel: check_bytes(channel, b"\xff\xff\xff"))
    assert status.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert status.details() == "expected a message of this method, got 3 other bytes"


def test_streamed_bytes_that_are_no_message_are_an_invalid_argument(caplog: pytest.LogCaptureFixture) -> None:
    name = "dsc.test.Streams"

    class Servicer:
        async def each(self, requests: Any, _context: Any) -> AsyncIterator[bytes]:
            async for request in requests:
                yield request.SerializeToString()

    async def fail() -> grpc.aio.AioRpcError:
        server = new_server(ServingLimits())
        handler = grpc.stream_stream_rpc_method_handler(
            Servicer().each, health_pb2.HealthCheckRequest.FromString
        )
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(name, {"Each": handler}),))
        port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            call = channel.stream_stream(f"/{name}/Each")(iter([b"", b"\xff\xff\xff"]))
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                assert [message async for message in call] == [b""]
        await server.stop(None)
        return caught.value

    status = asyncio.run(fail())
    assert status.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert status.details() == "expected a message of this method, got 3 other bytes"
    assert not [record for record in caplog.records if record.name.startswith("dsc_common")]


def test_health_goes_through_and_an_unknown_method_is_unimplemented() -> None:
    async def ask(channel: grpc.aio.Channel) -> tuple[int, int, grpc.StatusCode]:
        stub: Any = health_pb2_grpc.HealthStub(channel)
        reply = await stub.Check(health_pb2.HealthCheckRequest())
        watch = stub.Watch(health_pb2.HealthCheckRequest())
        first = await watch.read()
        watch.cancel()
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await receive(channel, "Absent", [])
        return reply.status, first.status, caught.value.code()

    serving = health_pb2.HealthCheckResponse.SERVING
    expected = (serving, serving, grpc.StatusCode.UNIMPLEMENTED)
    assert served(DscError(LINE), ask)[0] == expected


STOPPED = "server at h:1 ended the request without an answer: it stops, or was restarted"
REFUSED = "server at h:1 does not take a message of this size"
ANOTHER = "no details; it is another service, or of another version"
FEWER = "server at h:1: its answer is too large; ask for fewer results"
LARGE_ANSWER = "CLIENT: Received message larger than max (20000205 vs. 16777216)"
TOO_LARGE = "SERVER: Received message larger than max (2000 vs. 1024)"


class Status(grpc.RpcError):
    """A status without a trailer, as gRPC itself or another implementation gives it."""

    def __init__(self, code: grpc.StatusCode, details: str | None) -> None:
        self._code, self._details = code, details

    def code(self) -> grpc.StatusCode:
        return self._code

    def details(self) -> str | None:
        return self._details

    def trailing_metadata(self) -> tuple[Any, ...]:
        return ()


@pytest.mark.parametrize(
    ("code", "details", "kind", "line"),
    [
        ("INVALID_ARGUMENT", "a line", InvalidInputError, "a line"),
        ("FAILED_PRECONDITION", "a line", errors.UnknownCodebookError, "a line"),
        ("DATA_LOSS", "a line", DamagedIndexError, "a line"),
        ("DEADLINE_EXCEEDED", "Deadline", DeadlineError, "server at h:1 did not answer within 3 s"),
        ("UNAVAILABLE", "no connection", UnreachableError, "server at h:1 does not answer"),
        ("CANCELLED", "CANCELLED", UnreachableError, STOPPED),
        ("RESOURCE_EXHAUSTED", "busy", OverloadedError, "server at h:1 is overloaded: busy"),
        ("RESOURCE_EXHAUSTED", TOO_LARGE, InvalidInputError, f"{REFUSED}: {TOO_LARGE}"),
        ("RESOURCE_EXHAUSTED", LARGE_ANSWER, InvalidInputError, f"{FEWER}: {LARGE_ANSWER}"),
        ("INTERNAL", "a line", PeerStatusError, "server at h:1 failed (INTERNAL): a line"),
        ("UNIMPLEMENTED", None, PeerStatusError, f"server at h:1 failed (UNIMPLEMENTED): {ANOTHER}"),
    ],
)
def test_a_status_of_others_keeps_its_meaning(
    code: str, details: str | None, kind: type[DscError], line: str
) -> None:
    error = call_error(Status(grpc.StatusCode[code], details), Peer("server", "h:1"), 3.0)
    assert (type(error), str(error)) == (kind, line)


PASSED_ON = ["RESOURCE_EXHAUSTED", "UNIMPLEMENTED", "DEADLINE_EXCEEDED", "UNAVAILABLE", "PERMISSION_DENIED"]


@pytest.mark.parametrize("code", PASSED_ON)
def test_a_service_in_between_keeps_the_status_of_its_peer(code: str) -> None:
    status = grpc.StatusCode[code]
    first = call_error(Status(status, "why"), Peer("server", "h:1"), 3.0)
    passed_on, second = failure(first, "Unary")
    assert passed_on is status
    assert str(second) == str(first)
