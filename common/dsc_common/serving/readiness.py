"""Whether the peer that a service depends on answers: asked again and again, kept with the cause if not."""

import asyncio
from collections.abc import Awaitable, Callable

import grpc
import numpy as np
from grpc_health.v1 import health_pb2, health_pb2_grpc

from dsc_common.cli.streams import say
from dsc_common.serving.address import Peer
from dsc_common.serving.cause import SLOW, cause_of
from dsc_common.serving.retrying import DEFAULT_BACKOFF, Backoff

CHECK_S = 2.0  # between checks of a peer that answers
LIMIT_S = 5.0
CAUSE_S = 1.0
LOST = "the connection to it was lost"
_SERVING = health_pb2.HealthCheckResponse.SERVING
_SAYS_NOTHING = (grpc.StatusCode.UNIMPLEMENTED, grpc.StatusCode.RESOURCE_EXHAUSTED)


class Readiness:
    """Follows the health of a peer.

    Args:
        peer: the peer.
        service: full name of the service that is needed of it.
        pause: waits for a number of seconds.

    Attributes:
        cause: why the peer does not serve; empty if it serves, or before the first check.
    """

    def __init__(
        self,
        peer: Peer,
        service: str,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
        backoff: Backoff = DEFAULT_BACKOFF,
    ) -> None:
        self.cause = ""
        self._peer, self._service = peer, service
        self._pause, self._backoff = pause, backoff

    async def follow(
        self, connection: Callable[[], grpc.aio.Channel], report: Callable[[bool], None]
    ) -> None:
        """Check the peer until this task is cancelled.

        Args:
            connection: the connection to the peer, which may be opened again meanwhile.
            report: is called after each check: whether the peer serves.
        """
        failed, rng = 0, np.random.default_rng()
        while True:
            cause = await self._check(connection())
            if cause != self.cause:
                say(f"not ready: {self._peer}: {cause}" if cause else f"ready: {self._peer} answers")
            self.cause = cause
            report(not cause)
            await self._pause(self._backoff.pause_s(failed, rng) if cause else CHECK_S)
            failed = failed + 1 if cause else 0

    async def _check(self, connection: grpc.aio.Channel) -> str:
        """Empty if the peer serves; else the cause."""
        request = health_pb2.HealthCheckRequest(service=self._service)
        try:
            reply = await health_pb2_grpc.HealthStub(connection).Check(request, timeout=LIMIT_S)
        except grpc.aio.AioRpcError as error:
            return await self._cause(error)
        return "" if reply.status == _SERVING else "it does not serve now"

    async def _cause(self, error: grpc.aio.AioRpcError) -> str:
        if error.code() in _SAYS_NOTHING:  # it answers, and has no health to ask for
            return ""
        if error.code() is grpc.StatusCode.NOT_FOUND:
            return f"it has no service {self._service}"
        cause = await asyncio.to_thread(cause_of, self._peer, CAUSE_S)
        if cause == SLOW and error.code() is grpc.StatusCode.UNAVAILABLE:
            return self.cause or LOST  # it came back meanwhile: the next check shows that
        return cause
