"""What is observed of calls: status, bytes, calls under way, lines of the log, whatever way a call ends."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import grpc
import pytest

from dsc_common.errors import InvalidInputError, UnreachableError
from dsc_common.observing.call import current_call
from dsc_common.observing.log_lines import lines_of
from dsc_common.observing.observer import Observer
from dsc_common.observing.registry import Registry
from dsc_common.observing.settings import LogFormat, LogLevel, LogSettings
from dsc_common.serving.limits import ServingLimits
from dsc_common.serving.server import new_server

INFO = LogSettings(log_format=LogFormat.JSON, log_level=LogLevel.INFO)
TRACE_ID, SPAN_ID = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
Captured = pytest.CaptureFixture[str]


class Work:
    """Methods of every kind; `came` is set when one waits."""

    def __init__(self) -> None:
        self.came, self.may_end = asyncio.Event(), asyncio.Event()

    async def answer(self, request: bytes, _context: Any) -> bytes:
        current_call().facts = {"candidates": 7}
        current_call().steps = {"rank": 0.25}
        return request * 2

    async def refuse(self, request: bytes, _context: Any) -> bytes:
        raise InvalidInputError(f"expected less, got {request!r}")

    async def away(self, _request: bytes, _context: Any) -> bytes:
        raise UnreachableError("server at a:1 does not answer")

    async def fail(self, _request: bytes, _context: Any) -> bytes:
        raise ZeroDivisionError

    async def wait(self, _request: bytes, _context: Any) -> bytes:
        self.came.set()
        await self.may_end.wait()
        return b""

    async def download(self, request: bytes, _context: Any) -> AsyncIterator[bytes]:
        yield request
        yield request

    async def upload(self, requests: AsyncIterator[bytes], _context: Any) -> bytes:
        return b"".join([each async for each in requests])

    async def chat(self, requests: AsyncIterator[bytes], _context: Any) -> AsyncIterator[bytes]:
        async for each in requests:
            yield each


class Client:
    """Calls of a server with these methods, and the metrics that it keeps."""

    def __init__(self, work: Work, channel: grpc.aio.Channel, registry: Registry) -> None:
        self.work, self._channel, self._registry = work, channel, registry

    def call(self, name: str, request: bytes = b"abc", **options: Any) -> Any:
        plain = {"request_serializer": bytes, "response_deserializer": bytes}
        return self._channel.unary_unary(f"/dsc.test.Work/{name}", **plain)(request, **options)

    async def status(self, name: str, **options: Any) -> str:
        return str((await self.call(name, **options).code()).name)

    def streamed(self, kind: str, name: str) -> Any:
        plain = {"request_serializer": bytes, "response_deserializer": bytes}
        return getattr(self._channel, kind)(f"/dsc.test.Work/{name}", **plain)

    def value(self, metric: str, **labels: str) -> float:
        return float(self._registry.collectors.get_sample_value(metric, labels) or 0)

    async def until(self, metric: str, wanted: float, **labels: str) -> None:
        """A call ends at its server a moment after its client."""
        while self.value(metric, **labels) != wanted:
            await asyncio.sleep(0.001)


def observed(
    scenario: Callable[[Client], Awaitable[None]], limits: ServingLimits | None = None, slow_s: float = 60.0
) -> None:
    async def main() -> None:
        work, registry = Work(), Registry()
        server = new_server(limits or ServingLimits(), observer=Observer(slow_s, registry))
        handlers = {
            name: grpc.unary_unary_rpc_method_handler(getattr(work, name), bytes, bytes)
            for name in ("answer", "refuse", "away", "fail", "wait")
        }
        handlers["download"] = grpc.unary_stream_rpc_method_handler(work.download, bytes, bytes)
        handlers["upload"] = grpc.stream_unary_rpc_method_handler(work.upload, bytes, bytes)
        handlers["chat"] = grpc.stream_stream_rpc_method_handler(work.chat, bytes, bytes)
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("dsc.test.Work", handlers),))
        port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            await asyncio.wait_for(scenario(Client(work, channel, registry)), 60)
        await server.stop(None)

    asyncio.run(main())


@pytest.mark.parametrize(
    ("name", "status"),
    [("answer", "OK"), ("refuse", "INVALID_ARGUMENT"), ("away", "UNAVAILABLE"), ("fail", "INTERNAL")],
)
def test_calls_are_counted_by_method_and_status(name: str, status: str) -> None:
    async def scenario(client: Client) -> None:
        for _ in range(3):
            assert await client.status(name) == status
        await client.until("dsc_requests_total", 3, method=f"dsc.test.Work/{name}", status=status)
        assert client.value("dsc_request_seconds_count", method=f"dsc.test.Work/{name}") == 3
        assert client.value("dsc_calls_under_way", method=f"dsc.test.Work/{name}") == 0

    observed(scenario)


def test_bytes_and_steps_are_counted() -> None:
    async def scenario(client: Client) -> None:
        await client.call("answer", b"12345")
        method = {"method": "dsc.test.Work/answer"}
        await client.until("dsc_sent_bytes_total", 10, **method)
        assert client.value("dsc_received_bytes_total", **method) == 5
        assert client.value("dsc_step_seconds_sum", step="rank") == 0.25
        assert [piece async for piece in client.streamed("unary_stream", "download")(b"123")] == [b"123"] * 2
        await client.until("dsc_sent_bytes_total", 6, method="dsc.test.Work/download")

    observed(scenario)


def test_streams_of_every_kind_are_counted() -> None:
    async def scenario(client: Client) -> None:
        async def pieces() -> AsyncIterator[bytes]:
            yield b"1"
            yield b"2"

        assert await client.streamed("stream_unary", "upload")(pieces()) == b"12"
        assert [each async for each in client.streamed("stream_stream", "chat")(pieces())] == [b"1", b"2"]
        for name in ("upload", "chat"):
            await client.until("dsc_requests_total", 1, method=f"dsc.test.Work/{name}", status="OK")

    observed(scenario)


@pytest.mark.parametrize(("timeout", "status"), [(None, "CANCELLED"), (0.2, "DEADLINE_EXCEEDED")])
def test_a_call_that_its_client_gives_up_is_counted_and_no_longer_under_way(
    timeout: float | None, status: str
) -> None:
    async def scenario(client: Client) -> None:
        method = {"method": "dsc.test.Work/wait"}
        given_up = client.call("wait", timeout=timeout)
        await client.work.came.wait()
        if timeout is None:
            assert client.value("dsc_calls_under_way", **method) == 1
            given_up.cancel()
        await client.until("dsc_calls_under_way", 0, **method)
        counted = {code: client.value("dsc_requests_total", **method, status=code) for code in ("OK", status)}
        assert counted == {"OK": 0, status: 1}

    observed(scenario)


def test_refused_calls_and_unknown_methods_are_counted_with_their_status() -> None:
    async def scenario(client: Client) -> None:
        waits = client.call("wait")
        await client.work.came.wait()
        assert await client.status("answer") == "RESOURCE_EXHAUSTED"
        client.work.may_end.set()
        await waits
        refused = {"method": "dsc.test.Work/answer", "status": "RESOURCE_EXHAUSTED"}
        await client.until("dsc_requests_total", 1, **refused)
        for name in ("a", "b"):  # names of clients make no series of their own
            assert await client.status(name) == "UNIMPLEMENTED"
        await client.until("dsc_requests_total", 2, method="unknown", status="UNIMPLEMENTED")

    observed(scenario, ServingLimits(max_requests_at_once=1))


async def _logged(capsys: Captured, count: int) -> list[dict[str, Any]]:
    text = ""
    while text.count("\n") < count:
        await asyncio.sleep(0.001)
        text += capsys.readouterr().err
    return [json.loads(line) for line in text.splitlines()]


def test_a_line_of_the_log_has_the_trace_of_the_caller_and_what_the_service_noted(capsys: Captured) -> None:
    async def scenario(client: Client) -> None:
        await client.call("answer", metadata=(("traceparent", f"00-{TRACE_ID}-{SPAN_ID}-01"),))
        (line,) = await _logged(capsys, 1)
        assert (line["trace_id"], line["parent_id"]) == (TRACE_ID, SPAN_ID)
        assert (line["method"], line["status"]) == ("dsc.test.Work/answer", "OK")
        assert (line["candidates"], line["steps_ms"]) == (7, {"rank": 250.0})
        await client.call("answer", metadata=(("traceparent", "one"), ("traceparent", "two")))
        (other,) = await _logged(capsys, 1)
        assert re.fullmatch("[0-9a-f]{32}", other["trace_id"])
        assert "parent_id" not in other

    with lines_of("server", INFO):
        observed(scenario)


def test_the_line_of_an_error_quotes_the_service_and_not_the_request(capsys: Captured) -> None:
    async def scenario(client: Client) -> None:
        for name in ("refuse", "away"):
            await client.status(name, request=b"secret")
        refused, away = await _logged(capsys, 2)
        assert "secret" not in json.dumps(refused)
        assert away["details"] == "server at a:1 does not answer"

    with lines_of("server", INFO):
        observed(scenario)


def test_only_slow_requests_have_a_line_by_default(capsys: Captured) -> None:
    async def scenario(client: Client) -> None:
        await client.call("answer")
        await client.streamed("unary_stream", "download")(b"1").read()
        (line,) = await _logged(capsys, 1)
        assert (line["level"], line["message"], line["steps_ms"]) == (
            "warning",
            "slow request",
            {"rank": 250.0},
        )
        assert client.value("dsc_slow_requests_total", method="dsc.test.Work/answer") == 1

    with lines_of("server", LogSettings(log_format=LogFormat.JSON)):
        observed(scenario, slow_s=1e-9)
