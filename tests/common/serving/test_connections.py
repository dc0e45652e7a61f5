"""Connections that do nothing, do not finish, or are too many; calls whose request does not come."""

import asyncio
import resource
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2

from dsc_common.serving import arrival as arrival_module
from dsc_common.serving import client as client_module
from dsc_common.serving import connections as connections_module
from dsc_common.serving.address import Peer
from dsc_common.serving.client import options_of
from dsc_common.serving.connections import KEPT_DESCRIPTORS, most_connections, raise_descriptor_limit
from dsc_common.serving.health import Health
from dsc_common.serving.limits import ServingLimits
from dsc_common.serving.server import Service, add_services, new_server
from helpers.raw_http2 import ACK, PREFACE, SETTINGS, call_headers, frame

GREETING = PREFACE + frame(SETTINGS) + frame(SETTINGS, flags=ACK)
CHECK = "/grpc.health.v1.Health/Check"
LIMIT_S = 60.0


@asynccontextmanager
async def served(limits: ServingLimits, *services: Service) -> AsyncIterator[int]:
    """A server with health: its port."""
    server = new_server(limits)
    add_services(server, services, Health())
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        yield port
    finally:
        await server.stop(None)


async def is_ended(port: int, first: bytes) -> bool:
    """Wait until the server ends a connection that sends some bytes, and reads without an answer."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(first)
    async with asyncio.timeout(LIMIT_S):
        while await reader.read(1 << 16):
            pass
    writer.close()
    return True


@pytest.mark.parametrize("first", [b"", PREFACE[:9], PREFACE, b"\x16\x03\x01\x02\x00\x01"])
def test_a_handshake_that_is_not_finished_ends(first: bytes) -> None:
    async def main() -> bool:
        async with served(ServingLimits(stall_s=0.2)) as port:
            return await is_ended(port, first)

    assert asyncio.run(main())


@pytest.mark.parametrize("first", [GREETING, GREETING + call_headers(CHECK, 1)])
def test_a_client_that_answers_no_ping_is_left(first: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections_module, "SILENCE_S", 0.2)
    monkeypatch.setattr(connections_module, "ANSWER_S", 0.2)

    async def main() -> bool:
        async with served(ServingLimits()) as port:
            return await is_ended(port, first)

    assert asyncio.run(main())


def test_a_client_leaves_a_server_that_answers_no_ping(monkeypatch: pytest.MonkeyPatch) -> None:
    short = {
        "grpc.keepalive_time_ms": 1000,
        "grpc.keepalive_timeout_ms": 200,
        "grpc.http2.ping_timeout_ms": 200,
    }
    assert short.keys() <= dict(client_module.OPTIONS).keys()
    monkeypatch.setattr(client_module, "OPTIONS", list((dict(client_module.OPTIONS) | short).items()))

    async def greet(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(frame(SETTINGS) + frame(SETTINGS, flags=ACK))

    async def main() -> grpc.StatusCode:
        server = await asyncio.start_server(greet, "127.0.0.1", 0)
        address = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
        async with grpc.aio.insecure_channel(address, options=options_of(Peer("server", address))) as channel:
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await channel.unary_unary(CHECK)(b"", timeout=LIMIT_S)
        server.close()
        return caught.value.code()

    assert asyncio.run(main()) is grpc.StatusCode.UNAVAILABLE


def test_an_idle_connection_ends_and_the_next_call_makes_another(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections_module, "IDLE_S", 0.2)

    async def main() -> None:
        async with (
            served(ServingLimits()) as port,
            grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel,
        ):
            for _ in range(2):
                await channel.unary_unary(CHECK)(b"", timeout=LIMIT_S)
                await channel.wait_for_state_change(grpc.ChannelConnectivity.READY)

    asyncio.run(asyncio.wait_for(main(), LIMIT_S))


def test_connections_beyond_the_limit_are_closed() -> None:
    async def main() -> None:
        async with served(replace(ServingLimits(), max_connections=2)) as port:
            opened = [await asyncio.open_connection("127.0.0.1", port) for _ in range(2)]
            for reader, writer in opened:
                writer.write(GREETING)
                assert await reader.readexactly(9)
            assert await is_ended(port, b"")
            for _, writer in opened:
                writer.close()
                await writer.wait_closed()
            async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
                await channel.unary_unary(CHECK)(b"", timeout=LIMIT_S, wait_for_ready=True)

    asyncio.run(main())


@pytest.mark.parametrize(
    ("descriptors", "expected"), [(1024, 1024 - KEPT_DESCRIPTORS), (64, 32), (2**20, 10_000)]
)
def test_descriptors_are_left_for_files(
    descriptors: int, expected: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _kind: (descriptors, descriptors))
    assert most_connections(ServingLimits()) == expected
    assert most_connections(ServingLimits(max_connections=7)) == 7


@pytest.mark.parametrize(
    ("limits", "expected"),
    [
        ((256, 4096), (4096, 4096)),
        ((256, resource.RLIM_INFINITY), (65_536, resource.RLIM_INFINITY)),
        ((9, 9), None),
    ],
)
def test_the_limit_of_descriptors_is_raised(
    limits: tuple[int, int], expected: tuple[int, int] | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    changes: list[tuple[int, int]] = []
    monkeypatch.setattr(resource, "getrlimit", lambda _kind: limits)
    monkeypatch.setattr(resource, "setrlimit", lambda _kind, both: changes.append(both))
    raise_descriptor_limit()
    assert changes == ([] if expected is None else [expected])


class Echo:
    """Methods of both kinds."""

    async def answer(self, request: bytes, _context: Any) -> bytes:
        return request

    async def download(self, request: bytes, _context: Any) -> AsyncIterator[bytes]:
        yield request
        yield request

    def add(self, _servicer: object, server: Any) -> None:
        handlers = {
            "Answer": grpc.unary_unary_rpc_method_handler(self.answer),
            "Download": grpc.unary_stream_rpc_method_handler(self.download),
        }
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("test.Echo", handlers),))


def test_where_many_requests_are_on_their_way_their_time_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arrival_module, "CARELESS", 0)

    async def main() -> None:
        service = Service("test.Echo", Echo().add, None)
        async with (
            served(ServingLimits(stall_s=0.2), service) as port,
            grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel,
        ):
            assert await channel.unary_unary("/test.Echo/Answer")(b"x") == b"x"
            streamed = channel.unary_stream("/test.Echo/Download")(b"y")
            assert [message async for message in streamed] == [b"y", b"y"]
            assert await refusal(channel, lambda call: asyncio.Event().wait()) == (
                "DEADLINE_EXCEEDED: expected the request within 0.2 s"
            )
            assert await refusal(channel, lambda call: call.done_writing()) == (
                "INVALID_ARGUMENT: expected a request, got a call without one"
            )
            monkeypatch.setattr(arrival_module, "MOST_ARRIVING", 0)
            assert (await refusal(channel, lambda call: call.write(b"z"))).startswith("RESOURCE_EXHAUSTED: ")

    asyncio.run(asyncio.wait_for(main(), LIMIT_S))


async def refusal(channel: grpc.aio.Channel, use: Callable[[Any], Any]) -> str:
    """Status and line of a call that ends while it is used as a stream."""
    call: Any = channel.stream_unary("/test.Echo/Answer")()
    using = asyncio.ensure_future(use(call))
    line = f"{(await call.code()).name}: {await call.details()}"
    using.cancel()
    await asyncio.gather(using, return_exceptions=True)
    return line


def test_health_is_as_before_where_many_requests_are_on_their_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arrival_module, "CARELESS", 0)

    async def main() -> int:
        async with (
            served(ServingLimits()) as port,
            grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel,
        ):
            decode = health_pb2.HealthCheckResponse.FromString
            watch = channel.unary_stream("/grpc.health.v1.Health/Watch", response_deserializer=decode)(b"")
            status = (await watch.read()).status
            watch.cancel()
            return int(status)

    assert asyncio.run(main()) == health_pb2.HealthCheckResponse.SERVING
