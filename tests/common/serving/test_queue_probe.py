"""The wait before a request is read: how it is measured, and that a long queue is made short by refusals."""

import asyncio
import stat
import time
from collections.abc import Sequence
from typing import Any

import grpc
import pytest

from dsc_common.serving.admission import Admission
from dsc_common.serving.limits import ServingLimits
from dsc_common.serving.queue_probe import QueueProbe
from dsc_common.serving.server import new_server

METHOD = "/test.Work/Answer"


class Ended(Exception):
    """The script is over."""


class Script:
    """Calls that take these seconds each, and what the probe says meanwhile."""

    def __init__(self, takes_s: Sequence[float | None]) -> None:
        self.takes_s, self.now, self.asked = list(takes_s), 100.0, list[str]()
        self.after: list[float] = []  # wait_s after each call or pause without one
        self.within: list[float] = []  # and at the end of each call, before it has ended
        self.probe = QueueProbe(clock=lambda: self.now, pause=self.pause)

    async def pause(self, seconds: float) -> None:
        self.after.append(self.probe.wait_s)
        self.now += seconds
        self.next()

    def next(self) -> None:
        if not self.takes_s:
            raise Ended
        if self.takes_s[0] is None:  # no request comes
            self.takes_s.pop(0)
        else:
            self.probe.note(METHOD)

    async def ask(self, method: str) -> None:
        self.asked.append(method)
        takes_s = self.takes_s.pop(0)
        assert takes_s is not None
        self.now += takes_s
        self.within.append(self.probe.wait_s)

    def run(self) -> None:
        self.next()
        with self.probe, pytest.raises(Ended):
            asyncio.run(self.probe.follow_calls(self.ask))


def test_a_queue_is_as_long_as_two_calls_in_a_row_had_to_wait() -> None:
    script = Script([0.1, 0.5, 0.3, 0.01, 0.2])
    script.run()
    assert [round(each, 6) for each in script.after] == [0.0, 0.1, 0.3, 0.01, 0.01]
    assert script.asked == [METHOD] * 5


def test_a_call_that_is_under_way_counts_as_soon_as_it_is_long() -> None:
    script = Script([0.4, 9.0])
    script.run()
    assert [round(each, 6) for each in script.within] == [0.0, 0.4]


def test_a_service_that_stood_still_once_has_no_queue() -> None:
    script = Script([0.0, 30.0, 0.001])
    script.run()
    assert max(script.after) < 0.01


def test_a_service_that_nobody_asks_is_not_probed() -> None:
    script = Script([None, None, 0.2, None, None])
    script.run()
    assert script.asked == [METHOD]
    assert script.after[-1] == 0.0


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


def test_its_socket_is_out_of_reach_of_other_users_and_gone_at_the_end() -> None:
    with QueueProbe() as probe:
        folder = probe.folder
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert probe.address.startswith(f"unix:{folder}/")
    assert not folder.exists()
