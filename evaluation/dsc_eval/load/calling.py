"""Calls of a running service by many clients, with requests that were encoded before."""

import asyncio
import selectors
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import grpc

from dsc_common.errors import UnreachableError
from dsc_common.serving.address import Peer
from dsc_common.serving.bearer import bearer
from dsc_common.serving.cause import cause_of
from dsc_common.serving.client import open_async, peer_credentials
from dsc_eval.load.closed_loop import OK, Call, Outcome, Plan, run
from dsc_eval.load.open_loop import OpenOutcome, OpenPlan, run_open

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
OPEN_CONNECTIONS = 8  # of a generator in an open loop, unless a number is given


@dataclass(frozen=True)
class Target:
    """What is called, and where.

    Attributes:
        peer: the server, or the channel.
        method: the call.
        requests: encoded messages; requests take them in turn.
        wait_s: time limit of a request, and of the connection, in seconds.
        connections: number of connections that the clients share in turn; None: one for each,
            in an open loop `OPEN_CONNECTIONS`.
    """

    peer: Peer
    method: Method
    requests: Sequence[bytes]
    wait_s: float
    connections: int | None = None


async def measure(target: Target, plan: Plan) -> Outcome:
    """Connect all clients, then let them send in a closed loop.

    Raises:
        UnreachableError: the service does not answer within `wait_s` seconds.
        DscError: the file of CA certificates holds none, or cannot be read.
    """
    async with _calls(target, min(plan.clients, target.connections or plan.clients)) as send:

        async def call(client: int, number: int) -> str:
            return await send(client, number % len(target.requests))

        return await run(call, plan)


def measure_open(target: Target, plan: OpenPlan, on_begin: Callable[[], None] = lambda: None) -> OpenOutcome:
    """Connect, then send in an open loop; in an event loop that wakes more exactly than asyncio's usual one.

    Args:
        target: that is called.
        plan: of the requests.
        on_begin: is called when the connections stand.

    Raises:
        UnreachableError: the service does not answer within `wait_s` seconds.
        DscError: the file of CA certificates holds none, or cannot be read.
    """

    async def run_connected() -> OpenOutcome:
        async with _calls(target, target.connections or OPEN_CONNECTIONS) as call:
            on_begin()
            return await run_open(call, plan, len(target.requests))

    with asyncio.Runner(loop_factory=_exact_loop) as runner:
        return runner.run(run_connected())


def _exact_loop() -> asyncio.AbstractEventLoop:
    """A loop on select(), whose times are in microseconds; epoll's are whole milliseconds, rounded up."""
    return asyncio.SelectorEventLoop(selectors.SelectSelector())


@asynccontextmanager
async def _calls(target: Target, count: int) -> AsyncIterator[Call]:
    """Sending of the message of a number, over connections that take turns by the other number."""
    trusted, metadata = peer_credentials(target.peer), bearer(target.peer)
    async with AsyncExitStack() as stack:
        connections = [
            await stack.enter_async_context(open_async(target.peer, trusted, [_SEPARATE]))
            for _ in range(count)
        ]
        await _ready(connections, target)
        # Bytes in and bytes out: what is measured is the service, not the generator's messages.
        path = PATHS[target.method]
        calls: list[Any] = [connection.unary_unary(path) for connection in connections]

        async def send(number: int, message: int) -> str:
            try:
                await calls[number % len(calls)](
                    target.requests[message], timeout=target.wait_s, metadata=metadata
                )
            except grpc.aio.AioRpcError as error:
                return str(error.code().name)
            return OK

        yield send


async def _ready(connections: Sequence[grpc.aio.Channel], target: Target) -> None:
    try:
        async with asyncio.timeout(target.wait_s):
            await asyncio.gather(*(connection.channel_ready() for connection in connections))
    except TimeoutError as error:
        cause = await asyncio.to_thread(cause_of, target.peer)
        line = f"{target.peer} did not answer within {target.wait_s:g} s: {cause}"
        raise UnreachableError(line) from error
