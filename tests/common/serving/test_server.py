"""A server's connections: pings of idle clients, and calls whose client goes away."""

import asyncio
import logging
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from grpc._cython import cygrpc

from dsc_common.serving import server as server_module
from dsc_common.serving.address import Peer
from dsc_common.serving.client import options_of
from dsc_common.serving.limits import ServingLimits
from dsc_common.serving.server import new_server
from helpers.raw_http2 import ACK, GOAWAY, PING, PREFACE, frame


async def next_frame(reader: asyncio.StreamReader) -> tuple[int, int]:
    """Type and flags of the next frame."""
    head = await reader.readexactly(9)
    await reader.readexactly(int.from_bytes(head[:3], "big"))
    return head[3], head[4]


def test_an_idle_client_may_ping(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_module, "PING_INTERVAL_MS", 1)

    async def main() -> list[tuple[int, int]]:
        server = new_server(ServingLimits())
        port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(PREFACE + frame(4))
        seen: list[tuple[int, int]] = []
        while len(seen) < 6 and (GOAWAY, 0) not in seen:
            writer.write(frame(PING, bytes(8)))
            while (received := await next_frame(reader))[0] not in (PING, GOAWAY):
                pass
            seen.append(received)
            await asyncio.sleep(0.01)  # longer than the interval: each ping is one that is allowed
        writer.close()
        await server.stop(None)
        return seen

    assert asyncio.run(main()) == [(PING, ACK)] * 6


@pytest.mark.parametrize(
    "options", [server_module.options(ServingLimits()), options_of(Peer("server", "h:1"))]
)
def test_grpc_has_each_option(options: list[tuple[str, int]]) -> None:
    library = Path(cygrpc.__file__).read_bytes()
    assert [name for name, _ in options if name.encode() not in library] == []


def test_a_client_that_goes_away_leaves_no_traceback(caplog: pytest.LogCaptureFixture) -> None:
    ended = asyncio.Event()

    async def download(_request: bytes, _context: Any) -> AsyncIterator[bytes]:
        try:
            while True:
                yield bytes(1 << 20)
        finally:
            ended.set()

    async def main() -> None:
        server = new_server(ServingLimits())
        handler = grpc.unary_stream_rpc_method_handler(download)
        server.add_generic_rpc_handlers(
            (grpc.method_handlers_generic_handler("test.Work", {"Download": handler}),)
        )
        port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        for _ in range(3):
            ended.clear()
            channel = grpc.aio.insecure_channel(f"127.0.0.1:{port}")
            call: Any = channel.unary_stream("/test.Work/Download")(b"")
            await call.read()
            call.cancel()
            await channel.close()
            await ended.wait()
        await server.stop(None)

    with caplog.at_level(logging.INFO):
        asyncio.run(main())
    assert [record.getMessage() for record in caplog.records] == []
