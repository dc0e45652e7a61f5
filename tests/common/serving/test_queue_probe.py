"""The wait before a request is read: how it is measured, and that a long queue is made short by refusals."""

import asyncio
import stat
import tempfile
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import grpc
import pytest

from dsc_common.errors import DscError
from dsc_common.serving.admission import Admission
from dsc_common.serving.limits import ServingLimits
from dsc_common.serving.queue_probe import Queue, QueueProbe
from dsc_common.serving.server import new_server
from dsc_common.serving.server import serve as serve_until_stopped

METHOD = "/test.Work/Answer"


class Script:
    """Calls that take these seconds each, None where no request comes; and what a queue says meanwhile."""

    def __init__(self, takes_s: Sequence[float | None]) -> None:
        self.now = 100.0
        self.asked = 0
        self.after: list[float] = []  # wait_s after each round
        self.within: list[float] = []  # and at the end of each call, before it has ended
        self.queue = Queue(lambda: self.now)
        asyncio.run(self.run(takes_s))

    async def run(self, takes_s: Sequence[float | None]) -> None:
        for each_s in takes_s:
            if each_s is not None:
                self.queue.note()
            await self.queue.measure(partial(self.ask, each_s or 0.0))
            self.after.append(round(self.queue.wait_s, 6))
            self.now += 0.05

    async def ask(self, takes_s: float) -> None:
        self.asked += 1
        self.now += takes_s
        self.within.append(round(self.queue.wait_s, 6))


def test_a_queue_is_as_long_as_two_calls_in_a_row_had_to_wait() -> None:
    script = Script([0.1, 0.5, 0.3, 0.01, 0.2])
    assert script.after == [0.0, 0.1, 0.3, 0.01, 0.01]


def test_a_call_that_is_under_way_counts_as_soon_as_it_is_long() -> None:
    assert Script([0.4, 9.0]).within == [0.0, 0.4]


def test_a_service_that_stood_still_once_has_no_queue() -> None:
    assert max(Script([0.0, 30.0, 0.001]).after) < 0.01


def test_a_method_that_nobody_calls_is_not_probed() -> None:
    script = Script([None, None, 0.2, None, None])
    assert (script.asked, script.after[-1]) == (1, 0.0)


class Slow:
    """A servicer that holds up the event loop with each request, as computation in it does."""

    def __init__(self, seconds: float) -> None:
        self.seconds, self.read = seconds, 0

    async def answer(self, request: bytes, _context: Any) -> bytes:
        self.read += 1
        time.sleep(self.seconds)  # in the loop: that is the point
        return request


async def serve(slow: Slow, use: Any, max_queue_s: float) -> None:
    limits = ServingLimits(max_queue_s=max_queue_s, max_requests_per_s=0)
    with QueueProbe() as probe:
        server = new_server(limits, Admission(limits, probe), probe=probe)
        handler = grpc.unary_unary_rpc_method_handler(slow.answer)
        server.add_generic_rpc_handlers(
            (grpc.method_handlers_generic_handler("test.Work", {"Answer": handler}),)
        )
        port = server.add_insecure_port("127.0.0.1:0")
        server.add_insecure_port(probe.address)
        await server.start()
        following = asyncio.create_task(probe.follow())
        try:
            async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as connection:
                await use(connection.unary_unary(METHOD), probe)
        finally:
            following.cancel()
            await server.stop(None)


async def outcome(call: Any, **options: Any) -> str:
    try:
        await call(b"request", timeout=60, **options)
    except grpc.aio.AioRpcError as error:
        return f"{error.code().name}: {error.details()}"
    return "OK"


def test_a_long_queue_is_refused_until_it_is_short() -> None:
    slow = Slow(seconds=0.005)

    async def use(call: Any, _probe: QueueProbe) -> None:
        outcomes: list[str] = []

        async def client() -> None:
            """Asks again and again, until somebody was refused."""
            while not any(each != "OK" for each in outcomes) and len(outcomes) < 20_000:
                outcomes.append(await outcome(call))

        await asyncio.gather(*(client() for _ in range(100)))
        refused = [each for each in outcomes if each != "OK"]
        assert 0 < len(refused) < len(outcomes)
        assert all(each.startswith("RESOURCE_EXHAUSTED: requests wait ") for each in refused)
        assert slow.read == len(outcomes) - len(refused)
        while (last := await outcome(call)) != "OK":  # until a probe has seen that the queue is gone
            assert last.startswith("RESOURCE_EXHAUSTED")

    asyncio.run(serve(slow, use, max_queue_s=0.1))


def test_only_the_probe_itself_is_answered_at_once() -> None:
    slow = Slow(seconds=0.0)

    async def use(call: Any, probe: QueueProbe) -> None:
        assert await outcome(call, metadata=(("dsc-probe", "a guess"),)) == "OK"
        assert slow.read == 1
        async with grpc.aio.insecure_channel(probe.address) as connection:
            assert await outcome(connection.unary_unary(METHOD)) == "OK"
        assert slow.read == 2

    asyncio.run(serve(slow, use, max_queue_s=1.0))


def test_the_queue_of_one_method_is_not_that_of_another() -> None:
    now = [0.0]

    async def passing(seconds: float) -> None:
        now[0] += seconds

    async def main() -> None:
        with QueueProbe(clock=lambda: now[0]) as probe:
            for method in ("/a", "/b"):
                probe.note(method)
            for _ in range(2):
                probe.note("/a")
                await probe.queues["/a"].measure(lambda: passing(5.0))
            assert (probe.wait_s("/a"), probe.wait_s("/b"), probe.wait_s("/c")) == (5.0, 0.0, 0.0)

    asyncio.run(main())


def test_its_socket_is_out_of_reach_of_other_users_and_gone_at_the_end() -> None:
    with QueueProbe() as probe:
        folder = probe.folder
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert probe.address.startswith(f"unix:{folder}/")
    assert not folder.exists()


def test_a_path_that_is_too_long_for_a_socket_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    long = tmp_path / ("x" * 100)
    long.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(long))
    line = r"^cannot listen in .*/dsc-\w+: expected a shorter path in TMPDIR$"
    with pytest.raises(DscError, match=line):
        serve_until_stopped("127.0.0.1:0", [])
    assert not list(long.iterdir())
