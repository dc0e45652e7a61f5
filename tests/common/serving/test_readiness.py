"""A peer is followed: ready once it answers, not ready with the cause when it does not."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2_grpc

from dsc_common.serving import readiness
from dsc_common.serving.address import Peer
from dsc_common.serving.cause import SLOW
from dsc_common.serving.client import open_async
from dsc_common.serving.health import Health
from dsc_common.serving.readiness import CHECK_S, LOST, Readiness
from dsc_common.serving.retrying import Backoff

NAME = "dsc.v1.RetrievalService"


class Followed:
    """A peer's port, and what its follower reports after each check; checks come one by one."""

    def __init__(self) -> None:
        self.pauses: list[float] = []
        self.reports: asyncio.Queue[bool] = asyncio.Queue()
        self.may_check = asyncio.Semaphore(1)
        self.readiness: Readiness
        self.port: int

    async def pause(self, seconds: float) -> None:
        self.pauses.append(seconds)
        await self.may_check.acquire()

    async def next(self) -> tuple[bool, str]:
        """Whether the peer serves at the next check, and the cause if not."""
        self.may_check.release()
        return await self.reports.get(), self.readiness.cause

    async def serve(self, health: Health | None) -> grpc.aio.Server:
        """A peer on the port."""
        server = grpc.aio.server(options=[("grpc.so_reuseport", 0)])
        if health is not None:
            health_pb2_grpc.add_HealthServicer_to_server(health, server)
        self.port = server.add_insecure_port(f"127.0.0.1:{getattr(self, 'port', 0)}")
        await server.start()
        return server


def run(use: Callable[[Followed], Awaitable[None]]) -> None:
    async def main() -> None:
        followed = Followed()
        await followed.may_check.acquire()
        first = await followed.serve(None)
        await first.stop(None)
        peer = Peer("server", f"127.0.0.1:{followed.port}")
        followed.readiness = Readiness(peer, NAME, followed.pause, Backoff(1.0, 2.0, 4.0))
        async with open_async(peer, None) as connection:
            task = asyncio.create_task(
                followed.readiness.follow(lambda: connection, followed.reports.put_nowait)
            )
            try:
                await use(followed)
            finally:
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task

    asyncio.run(main())


async def until_ready(followed: Followed) -> None:
    """Check until the connection is there: gRPC has pauses between its attempts as well."""
    while not (await followed.next())[0]:
        pass


def test_a_peer_that_comes_stops_and_comes_again(capsys: pytest.CaptureFixture[str]) -> None:
    async def use(followed: Followed) -> None:
        refused = (False, "connection refused")
        assert [await followed.next() for _ in range(3)] == [refused] * 3
        for pause_s, longest_s in zip(followed.pauses, [1.0, 2.0, 4.0], strict=False):
            assert longest_s / 2 <= pause_s <= longest_s
        health = Health()
        health.set(NAME, serving=True)
        server = await followed.serve(health)
        await until_ready(followed)
        assert await followed.next() == (True, "")
        assert followed.pauses[-1] == CHECK_S
        health.stop()
        assert await followed.next() == (False, "it does not serve now")
        await server.stop(None)
        assert await followed.next() == refused
        said = capsys.readouterr().err.splitlines()
        name = f"server at 127.0.0.1:{followed.port}"
        assert (said[0], said[-1]) == (
            f"not ready: {name}: connection refused",
            f"not ready: {name}: connection refused",
        )
        assert f"ready: {name} answers" in said

    run(use)


@pytest.mark.parametrize("causes", [["connection refused", SLOW], [SLOW]])
def test_a_peer_that_came_back_after_the_check_is_not_said_to_be_slow(
    causes: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    found = iter(causes)
    monkeypatch.setattr(readiness, "cause_of", lambda _peer, _limit_s: next(found))

    async def use(followed: Followed) -> None:
        expected = "connection refused" if len(causes) > 1 else LOST
        assert [await followed.next() for _ in causes] == [(False, expected)] * len(causes)

    run(use)


@pytest.mark.parametrize(
    ("health", "expected"),
    [(Health, (False, f"it has no service {NAME}")), (lambda: None, (True, ""))],
)
def test_a_peer_without_this_service_and_a_peer_without_health(
    health: Callable[[], Any], expected: tuple[bool, str]
) -> None:
    async def use(followed: Followed) -> None:
        server = await followed.serve(health())
        seen = (False, "connection refused")
        while not seen[0] and seen != expected:
            seen = await followed.next()
        assert seen == expected
        await server.stop(None)

    run(use)
