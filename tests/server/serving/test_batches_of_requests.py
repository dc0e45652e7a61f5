"""Requests that the server computes in one batch: each has the answer or error that it would have alone."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import Any

import grpc
import numpy as np
import pytest

from dsc.v1 import retrieval_pb2, retrieval_pb2_grpc
from dsc_channel.transmission import transmit
from dsc_common.packet.format import PacketFormat
from dsc_common.packet.packing import Packet, pack
from dsc_common.radio.link import LinkSettings
from dsc_common.serving.batches import Batches
from dsc_common.serving.limits import ServingLimits
from dsc_common.serving.server import new_server
from dsc_common.steps import Steps
from dsc_common.wire.channel import signal_to_proto
from dsc_common.wire.packet import format_to_proto
from dsc_server.index.files import LoadedIndex, read_index
from dsc_server.index.search_limits import DEFAULT_LIMITS
from dsc_server.receiving.registry import DEFAULT_RECEIVER
from dsc_server.serving.services import RetrievalService
from helpers.small_index import write_small_index

Stub = Any


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> LoadedIndex:
    folder = tmp_path_factory.mktemp("batches")
    write_small_index(folder)
    return read_index(folder / "index")


def request_of(loaded: LoadedIndex, number: int, **changed: Any) -> retrieval_pb2.RetrieveRequest:
    fmt = loaded.index.format
    rng = np.random.default_rng(number)
    labels = np.sort(rng.choice(fmt.num_partitions, fmt.head_labels, replace=False))
    codes = rng.integers(0, 1 << fmt.bits_per_subvector, (fmt.num_codes, fmt.num_subvectors), dtype=np.uint8)
    signal = transmit(pack(Packet(labels, codes), fmt), fmt, LinkSettings(snr_db=number - 5), str(number))
    fields = {
        "signals": [signal_to_proto(signal)],
        "format": format_to_proto(fmt),
        "codebook_version": loaded.manifest.codebook_version,
    }
    return retrieval_pb2.RetrieveRequest(**{**fields, **changed})


def requests_of(loaded: LoadedIndex) -> list[retrieval_pb2.RetrieveRequest]:
    """Good ones, and one of each kind that is refused."""
    other = format_to_proto(PacketFormat(num_partitions=7))
    return [
        request_of(loaded, 0),
        request_of(loaded, 1, codebook_version="another"),
        *(request_of(loaded, number) for number in range(2, 12)),
        request_of(loaded, 12, format=other),
        request_of(loaded, 13, signals=[]),
        request_of(loaded, 14, options=retrieval_pb2.RetrievalOptions(top=3, receiver="hard")),
        request_of(loaded, 15, options=retrieval_pb2.RetrievalOptions(receiver="none")),
        request_of(loaded, 16),
    ]


class Recorded(RetrievalService):
    """Says what came, what was computed, and which calls ended without an answer."""

    def __init__(self, loaded: LoadedIndex, work: Batches) -> None:
        super().__init__(loaded, work, DEFAULT_RECEIVER, DEFAULT_LIMITS)
        self.came, self.computed = 0, 0
        self.changed, self.given_up = asyncio.Event(), asyncio.Event()

    async def Retrieve(self, request: Any, context: Any) -> retrieval_pb2.RetrieveResponse:
        self.came += 1
        self.changed.set()
        try:
            return await super().Retrieve(request, context)
        except asyncio.CancelledError:
            self.given_up.set()
            raise

    def _answer(self, request: retrieval_pb2.RetrieveRequest) -> Steps[retrieval_pb2.RetrieveResponse]:
        self.computed += 1
        return (yield from super()._answer(request))

    async def until_came(self, count: int) -> None:
        while self.came < count:
            self.changed.clear()
            await self.changed.wait()


@asynccontextmanager
async def held(loaded: LoadedIndex) -> AsyncIterator[tuple[Stub, Recorded, Callable[[], None]]]:
    """A server whose only thread is busy until the third value is called: requests wait together."""
    may_compute = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        work = Batches(pool, 1, batch_s=60.0)
        holding = asyncio.create_task(work.run(may_compute.wait))
        service, server = Recorded(loaded, work), new_server(ServingLimits())
        retrieval_pb2_grpc.add_RetrievalServiceServicer_to_server(service, server)
        port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        try:
            async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
                await channel.channel_ready()
                yield retrieval_pb2_grpc.RetrievalServiceStub(channel), service, may_compute.set
        finally:
            may_compute.set()
            await holding
            await server.stop(None)


def run(scenario: Coroutine[Any, Any, Any]) -> Any:
    return asyncio.run(asyncio.wait_for(scenario, 120))


async def outcome(call: Any) -> retrieval_pb2.RetrieveResponse | tuple[grpc.StatusCode, str]:
    """The answer without its time, or status and line of the error."""
    try:
        reply: retrieval_pb2.RetrieveResponse = await call
    except grpc.aio.AioRpcError as error:
        return error.code(), str(error.details())
    reply.results.server_ms = 0.0
    return reply


async def together(loaded: LoadedIndex) -> list[Any]:
    requests = requests_of(loaded)
    async with held(loaded) as (stub, service, release):
        calls = [asyncio.ensure_future(outcome(stub.Retrieve(request, timeout=60))) for request in requests]
        await service.until_came(len(requests))
        assert service.computed == 0
        release()
        return list(await asyncio.gather(*calls))


async def one_by_one(loaded: LoadedIndex) -> list[Any]:
    async with held(loaded) as (stub, _service, release):
        release()
        return [await outcome(stub.Retrieve(request, timeout=60)) for request in requests_of(loaded)]


def test_answers_and_errors_are_those_of_single_requests(loaded: LoadedIndex) -> None:
    alone = run(one_by_one(loaded))
    assert run(together(loaded)) == alone
    errors = [number for number, result in enumerate(alone) if isinstance(result, tuple)]
    assert errors == [1, 12, 13, 15]
    assert [len(alone[number].results.images) for number in (0, 14)] == [10, 3]


@pytest.mark.parametrize("way", ["cancelled", "expired"])
def test_a_request_that_its_client_gives_up_is_not_computed(loaded: LoadedIndex, way: str) -> None:
    async def scenario() -> None:
        async with held(loaded) as (stub, service, release):
            timeout = 0.5 if way == "expired" else 60
            given_up = stub.Retrieve(request_of(loaded, 0), timeout=timeout)
            await service.until_came(1)
            kept = asyncio.ensure_future(outcome(stub.Retrieve(request_of(loaded, 1), timeout=60)))
            await service.until_came(2)
            if way == "cancelled":
                given_up.cancel()
            await service.given_up.wait()
            release()
            assert isinstance(await kept, retrieval_pb2.RetrieveResponse)
            assert service.computed == 1
            assert await given_up.code() in {grpc.StatusCode.CANCELLED, grpc.StatusCode.DEADLINE_EXCEEDED}

    run(scenario())
