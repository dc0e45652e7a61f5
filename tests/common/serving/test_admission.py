"""How many calls a server admits, and how they end when it stops, in the loop of each test."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from dsc_common.errors import OverloadedError
from dsc_common.serving import admission as admission_module
from dsc_common.serving.admission import Admission, Gate
from dsc_common.serving.health import Health
from dsc_common.serving.limits import ServingLimits
from dsc_common.serving.server import Service, add_services, new_server

PIECE = bytes(1 << 20)
SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING


class Work:
    """A request that waits until it may answer, and a download that is as long as its reader."""

    def __init__(self) -> None:
        self.may_answer = asyncio.Event()
        self.started = 0
        self.most_at_once = self.at_once = 0
        self.changed = asyncio.Event()
        self.downloads_ended = 0

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait for a condition on these counts."""
        while not condition():
            self.changed.clear()
            await self.changed.wait()

    async def answer(self, _request: bytes, _context: Any) -> bytes:
        self.started += 1
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        self.changed.set()
        try:
            await self.may_answer.wait()
        finally:
            self.at_once -= 1
        return b"answer"

    async def download(self, _request: bytes, _context: Any) -> AsyncIterator[bytes]:
        try:
            while True:
                yield PIECE
        finally:
            self.downloads_ended += 1
            self.changed.set()

    def add(self, _servicer: object, server: Any) -> None:
        handlers = {
            "Answer": grpc.unary_unary_rpc_method_handler(self.answer),
            "Download": grpc.unary_stream_rpc_method_handler(self.download),
        }
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("test.Work", handlers),))


class Served:
    """A server of `Work` and a client of it."""

    def __init__(self, limits: ServingLimits) -> None:
        self.work, self.health, self.admission = Work(), Health(), Admission(limits)
        self.server = new_server(limits, self.admission)
        add_services(self.server, [Service("test.Work", self.work.add, None)], self.health)
        self.port = self.server.add_insecure_port("127.0.0.1:0")
        self.channel = grpc.aio.insecure_channel(f"127.0.0.1:{self.port}")

    def ask(self) -> asyncio.Task[str]:
        """A request: "OK", or the name of its status and the details."""
        return asyncio.create_task(self._asked())

    async def _asked(self) -> str:
        try:
            await self.channel.unary_unary("/test.Work/Answer")(b"", timeout=60)
        except grpc.aio.AioRpcError as error:
            return f"{error.code().name}: {error.details()}"
        return "OK"

    def stalled_download(self) -> Any:
        """A download of which nothing more is read."""
        return self.channel.unary_stream("/test.Work/Download")(b"")

    def watch(self, name: str = "") -> Any:
        return health_pb2_grpc.HealthStub(self.channel).Watch(health_pb2.HealthCheckRequest(service=name))

    async def check(self, name: str = "") -> int:
        stub: Any = health_pb2_grpc.HealthStub(self.channel)
        return int((await stub.Check(health_pb2.HealthCheckRequest(service=name))).status)


def run(limits: ServingLimits, use: Callable[[Served], Awaitable[None]]) -> None:
    async def main() -> None:
        served = Served(limits)
        await served.server.start()
        try:
            await use(served)
        finally:
            await served.channel.close()
            await served.server.stop(None)

    asyncio.run(main())


def test_requests_over_the_limit_are_refused_and_health_still_answers() -> None:
    async def use(served: Served) -> None:
        admitted = [served.ask() for _ in range(4)]
        await served.work.until(lambda: served.work.started == 4)
        refused = await served.ask()
        assert refused == "RESOURCE_EXHAUSTED: 4 requests are under way, as many as are allowed at once"
        assert await served.check() == SERVING
        assert (await served.watch().read()).status == SERVING
        stub: Any = reflection_pb2_grpc.ServerReflectionStub(served.channel)
        listed = stub.ServerReflectionInfo(iter([reflection_pb2.ServerReflectionRequest(list_services="")]))
        assert "test.Work" in str(await listed.read())
        served.work.may_answer.set()
        assert await asyncio.gather(*admitted) == ["OK"] * 4
        assert await served.ask() == "OK"

    run(ServingLimits(max_requests_at_once=4), use)


def test_waves_of_requests_never_exceed_the_limit() -> None:
    async def use(served: Served) -> None:
        for wave in range(1, 5):
            served.work.may_answer.clear()
            asked = [served.ask() for _ in range(24)]
            done, _ = await asyncio.wait(asked, return_when=asyncio.FIRST_COMPLETED)
            assert all(task.result().startswith("RESOURCE_EXHAUSTED") for task in done)
            await served.work.until(lambda: served.work.at_once == 8)
            served.work.may_answer.set()
            await asyncio.gather(*asked)
            assert served.work.started >= 8 * wave
        assert served.work.most_at_once == 8

    run(ServingLimits(max_requests_at_once=8), use)


def test_downloads_have_places_apart_from_requests() -> None:
    async def use(served: Served) -> None:
        served.work.may_answer.set()
        readers = [served.stalled_download() for _ in range(2)]
        for reader in readers:
            assert await reader.read() == PIECE
        with pytest.raises(grpc.aio.AioRpcError, match="2 downloads are under way"):
            await served.stalled_download().read()
        assert await served.ask() == "OK"
        assert await served.check() == SERVING
        readers[0].cancel()
        await served.work.until(lambda: served.work.downloads_ended == 1)
        assert await served.stalled_download().read() == PIECE

    run(ServingLimits(max_requests_at_once=1, max_downloads_at_once=2), use)


def test_a_download_that_is_not_read_is_ended(caplog: pytest.LogCaptureFixture) -> None:
    async def use(served: Served) -> None:
        stalled = served.stalled_download()
        await served.work.until(lambda: served.work.downloads_ended == 1)
        assert await served.stalled_download().read() == PIECE  # its place is free
        with pytest.raises(grpc.aio.AioRpcError, match=r"nothing was received for 0\.2 s") as caught:
            async for _ in stalled:
                pass
        assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
        assert "received nothing for 0.2 s" in caplog.text

    run(ServingLimits(max_downloads_at_once=1, stall_s=0.2), use)


def test_watchers_have_a_limit_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admission_module, "MAX_OBSERVERS", 2)

    async def use(served: Served) -> None:
        watches = [served.watch() for _ in range(2)]
        for watch in watches:
            assert (await watch.read()).status == SERVING
        with pytest.raises(grpc.aio.AioRpcError, match="2 watchers are under way"):
            await served.watch().read()
        assert await served.check() == SERVING

    run(ServingLimits(), use)


def test_a_stop_answers_what_is_under_way_and_then_refuses_with_unavailable() -> None:
    async def use(served: Served) -> None:
        watch = served.watch("test.Work")
        assert (await watch.read()).status == SERVING
        first = served.ask()
        await served.work.until(lambda: served.work.started == 1)
        served.health.stop()
        drained = asyncio.create_task(served.admission.drain(60.0))
        assert (await watch.read()).status == NOT_SERVING
        with pytest.raises(grpc.aio.AioRpcError, match="the service stops"):
            await watch.read()
        late = "OK"
        while late == "OK":  # admitted at first, and answered
            asked = served.ask()
            await asyncio.wait([asked], timeout=0.1)
            late = await asked if asked.done() else "OK"
        assert late == "UNAVAILABLE: the service stops"
        assert not drained.done()
        served.work.may_answer.set()
        assert await first == "OK"
        await drained

    run(ServingLimits(), use)


def test_a_stop_does_not_wait_for_clients_that_ask_again_and_again() -> None:
    async def use(served: Served) -> None:
        served.work.may_answer.set()
        drained = asyncio.create_task(served.admission.drain(3600.0))
        while not drained.done():
            await served.ask()
        await drained

    run(ServingLimits(), use)


def test_what_is_not_answered_within_the_grace_ends_with_unavailable(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def use(served: Served) -> None:
        asked = [served.ask() for _ in range(3)]
        stalled = served.stalled_download()
        assert await stalled.read() == PIECE
        idle: Any = reflection_pb2_grpc.ServerReflectionStub(served.channel).ServerReflectionInfo()
        await idle.write(reflection_pb2.ServerReflectionRequest(list_services=""))
        await idle.read()
        await served.work.until(lambda: served.work.started == 3)
        served.health.stop()
        await served.admission.drain(0.2)
        ended = "UNAVAILABLE: the service stopped before the end of this call"
        assert await asyncio.gather(*asked) == [ended] * 3
        with pytest.raises(grpc.aio.AioRpcError, match="the service stopped"):
            await idle.read()

    with caplog.at_level(logging.WARNING):
        run(ServingLimits(), use)
    assert [record.getMessage() for record in caplog.records] == [
        "calls that were ended without an answer after 0.2 s: 4"
    ]


def test_health_has_a_status_for_each_name() -> None:
    async def use(served: Served) -> None:
        assert await served.check("test.Work") == SERVING
        served.health.set("test.Work", serving=False)
        assert await served.check("test.Work") == NOT_SERVING
        assert await served.check() == SERVING
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await served.check("nothing")
        assert caught.value.code() is grpc.StatusCode.NOT_FOUND
        watch = served.watch("later")
        assert (await watch.read()).status == health_pb2.HealthCheckResponse.SERVICE_UNKNOWN
        served.health.set("later", serving=True)
        assert (await watch.read()).status == SERVING
        served.health.stop()
        served.health.set("later", serving=True)
        assert (await watch.read()).status == NOT_SERVING

    run(ServingLimits(), use)


def test_one_caller_cannot_hold_all_places() -> None:
    async def main() -> None:
        gate = Gate(limit=6, noun="download", share=2)
        line = r"^2 downloads of this client are under way, as many as are allowed at once$"
        with gate.admit("a"), gate.admit("a"):
            with pytest.raises(OverloadedError, match=line), gate.admit("a"):
                pass
            with gate.admit("b"):
                pass
        with gate.admit("a"):
            pass

    asyncio.run(main())
