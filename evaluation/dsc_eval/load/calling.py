"""Calls of a running service by many clients, with requests that were encoded before."""

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import grpc

from dsc_common.errors import UnreachableError
from dsc_common.serving.address import Peer
from dsc_common.serving.bearer import bearer
from dsc_common.serving.cause import cause_of
from dsc_common.serving.client import open_async, peer_credentials
from dsc_eval.load.closed_loop import OK, Outcome, Plan, run

# Each connection is separate; otherwise gRPC shares one among all that lead to an address.
_SEPARATE = ("grpc.use_local_subchannel_pool", 1)


class Method(StrEnum):
    """What is called: `empty` is the health check, which computes nothing."""

    EMPTY = "empty"
    RETRIEVE = "retrieve"
    TRANSMIT = "transmit"


PATHS = {
    Method.EMPTY: "/grpc.health.v1.Health/Check",
    Method.RETRIEVE: "/dsc.v1.RetrievalService/Retrieve",
    Method.TRANSMIT: "/dsc.v1.TransmissionService/Transmit",
}
EMPTY_REQUEST = b""  # an empty message, in bytes


@dataclass(frozen=True)
class Target:
    """What is called, and where.

    Attributes:
        peer: the server, or the channel.
        method: the call.
        requests: encoded messages; requests take them in turn.
        wait_s: time limit of a request, and of the connection, in seconds.
        connections: number of connections that the clients share in turn; None: one for each.
    """

    peer: Peer
    method: Method
    requests: Sequence[bytes]
    wait_s: float
    connections: int | None = None


async def measure(target: Target, plan: Plan) -> Outcome:
    """Connect all clients, then let them send.

    Raises:
        UnreachableError: the service does not answer within `wait_s` seconds.
        DscError: the file of CA certificates holds none, or cannot be read.
    """
    trusted, metadata = peer_credentials(target.peer), bearer(target.peer)
    async with AsyncExitStack() as stack:
        connections = [
            await stack.enter_async_context(open_async(target.peer, trusted, (_SEPARATE,)))
            for _ in range(min(plan.clients, target.connections or plan.clients))
        ]
        await _ready(connections, target)
        # Bytes in and bytes out: what is measured is the service, not the generator's messages.
        path = PATHS[target.method]
        calls: list[Any] = [connection.unary_unary(path) for connection in connections]

        async def call(client: int, number: int) -> str:
            request = target.requests[number % len(target.requests)]
            try:
                await calls[client % len(calls)](request, timeout=target.wait_s, metadata=metadata)
            except grpc.aio.AioRpcError as error:
                return str(error.code().name)
            return OK

        return await run(call, plan)


async def _ready(connections: Sequence[grpc.aio.Channel], target: Target) -> None:
    try:
        async with asyncio.timeout(target.wait_s):
            await asyncio.gather(*(connection.channel_ready() for connection in connections))
    except TimeoutError as error:
        cause = await asyncio.to_thread(cause_of, target.peer)
        line = f"{target.peer} did not answer within {target.wait_s:g} s: {cause}"
        raise UnreachableError(line) from error
