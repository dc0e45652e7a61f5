"""Load on real services in this process: all methods, statuses, a service that goes away, TLS."""

import asyncio
import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import grpc
import numpy as np
import pytest
import trustme
from grpc_health.v1 import health_pb2, health_pb2_grpc

from dsc_common.errors import UnreachableError
from dsc_common.serving.address import Peer
from dsc_common.serving.limits import ServingLimits
from dsc_common.serving.server import new_server
from dsc_eval.load.calling import EMPTY_REQUEST, Method, Target, measure
from dsc_eval.load.closed_loop import OK, Plan
from dsc_eval.load.generator import FAILED, answer
from dsc_eval.load.jobs import Job, job_from_line, job_to_line, outcome_from_line, report_from_line
from dsc_eval.load.open_loop import OpenPlan

LIMITS = ServingLimits()


class Servicer(health_pb2_grpc.HealthServicer):  # type: ignore[misc]
    """A health service that notes who calls, and may end its server at some call."""

    def __init__(self) -> None:
        self.peers: set[str] = set()
        self.calls = 0
        self.last = math.inf
        self.stop = asyncio.Event()

    async def Check(
        self, request: health_pb2.HealthCheckRequest, context: grpc.aio.ServicerContext
    ) -> object:
        self.calls += 1
        self.peers.add(context.peer())
        if self.calls > self.last:
            self.stop.set()
        if request.service == "unknown":
            await context.abort(grpc.StatusCode.NOT_FOUND, "unknown")
        return health_pb2.HealthCheckResponse(status=health_pb2.HealthCheckResponse.SERVING)


@asynccontextmanager
async def _serving(credentials: grpc.ServerCredentials | None = None) -> AsyncIterator[tuple[Servicer, Peer]]:
    servicer, server = Servicer(), new_server(LIMITS)
    health_pb2_grpc.add_HealthServicer_to_server(servicer, server)
    if credentials is None:
        port = server.add_insecure_port("127.0.0.1:0")
    else:
        port = server.add_secure_port("127.0.0.1:0", credentials)
    await server.start()

    async def end() -> None:
        await servicer.stop.wait()
        await server.stop(None)

    ending = asyncio.create_task(end())
    yield servicer, Peer("server", f"127.0.0.1:{port}")
    servicer.stop.set()
    await ending


def _target(peer: Peer, connections: int | None = None, *requests: bytes) -> Target:
    return Target(peer, Method.EMPTY, requests or [EMPTY_REQUEST], 5.0, connections)


@pytest.mark.parametrize(("connections", "expected"), [(None, 3), (2, 2), (8, 3)])
def test_each_client_has_a_connection_or_shares_one(connections: int | None, expected: int) -> None:
    async def load() -> tuple[object, int, int]:
        async with _serving() as (servicer, peer):
            outcome = await measure(_target(peer, connections), Plan(3, math.inf, requests=30))
            assert outcome.sent == servicer.calls
            return outcome.statuses, len(outcome.latencies_s), len(servicer.peers)

    assert asyncio.run(load()) == ({OK: 30}, 30, expected)


def test_requests_take_messages_in_turn_and_errors_count_by_status() -> None:
    unknown = health_pb2.HealthCheckRequest(service="unknown").SerializeToString()

    async def load() -> object:
        async with _serving() as (_, peer):
            target = _target(peer, None, EMPTY_REQUEST, unknown, EMPTY_REQUEST)
            return (await measure(target, Plan(1, math.inf, requests=6))).statuses

    assert asyncio.run(load()) == {OK: 4, "NOT_FOUND": 2}


def test_a_method_that_the_service_lacks_is_a_status() -> None:
    async def load() -> object:
        async with _serving() as (_, peer):
            target = Target(peer, Method.RETRIEVE, [b""], 5.0)
            return (await measure(target, Plan(2, math.inf, requests=4))).statuses

    assert asyncio.run(load()) == {"UNIMPLEMENTED": 4}


def test_a_service_that_goes_away_gives_errors_and_the_load_ends() -> None:
    async def load() -> tuple[int, int]:
        async with _serving() as (servicer, peer):
            servicer.last = 10
            outcome = await measure(_target(peer), Plan(2, math.inf, requests=40))
            statuses = dict(outcome.statuses)
            answered = statuses.pop(OK)
            assert set(statuses) <= {"UNAVAILABLE", "CANCELLED"}
            return answered, sum(statuses.values())

    answered, errors = asyncio.run(load())
    assert answered + errors == 40
    assert answered >= 10
    assert errors >= 20


def test_nobody_there_is_an_error_of_one_line() -> None:
    target = Target(Peer("channel", "127.0.0.1:1"), Method.TRANSMIT, [b""], 0.2)
    with pytest.raises(
        UnreachableError, match=r"^channel at 127.0.0.1:1 did not answer within 0.2 s: [^\n]+$"
    ):
        asyncio.run(measure(target, Plan(1, 1.0)))


def test_over_tls(tmp_path: Path) -> None:
    authority = trustme.CA()
    certificate = authority.issue_cert("127.0.0.1")
    chain = b"".join(blob.bytes() for blob in certificate.cert_chain_pems)
    credentials = grpc.ssl_server_credentials([(certificate.private_key_pem.bytes(), chain)])
    ca = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(ca))

    async def load() -> object:
        async with _serving(credentials) as (_, peer):
            trusting = Peer("server", peer.address, ca)
            return (await measure(_target(trusting), Plan(2, math.inf, requests=4))).statuses

    assert asyncio.run(load()) == {OK: 4}


def test_jobs_and_reports_are_lines() -> None:
    peer = Peer("server", "127.0.0.1:1", Path("ca.pem"), use_proxy=True)
    job = Job(Target(peer, Method.RETRIEVE, [b"\x00\xff", b""], 2.5, 3), Plan(4, 1.5, 0.5, 7))
    for each in (job, Job(job.target, OpenPlan(12.5, 1.5, 0.5, 7, 8, 9))):
        line = job_to_line(each)
        assert "\n" not in line
        assert job_from_line(line) == each


def test_a_generator_answers_a_job_with_a_report_or_an_error() -> None:
    async def load() -> str:
        async with _serving() as (_, peer):
            job = Job(_target(peer), Plan(2, math.inf, requests=9))
            return await asyncio.to_thread(answer, job_to_line(job))

    made = report_from_line(asyncio.run(load()))
    assert (made.clients, made.answered, made.errors) == (2, 9, 0)
    job = Job(Target(Peer("server", "127.0.0.1:1"), Method.EMPTY, [b""], 0.1), Plan(1, 1.0))
    assert answer(job_to_line(job)).startswith(f"{FAILED}server at 127.0.0.1:1 did not answer")


def test_an_open_loop_counts_each_status_of_a_real_service() -> None:
    unknown = health_pb2.HealthCheckRequest(service="unknown").SerializeToString()

    async def load() -> tuple[str, int]:
        async with _serving() as (servicer, peer):
            job = Job(_target(peer, 3, EMPTY_REQUEST, unknown), OpenPlan(200.0, 0.5))
            line = await asyncio.to_thread(answer, job_to_line(job))
            assert len(servicer.peers) == 3
            return line, servicer.calls

    line, calls = asyncio.run(load())
    outcome = outcome_from_line(line)
    assert outcome.sent == calls == len(outcome.latencies_s)
    assert set(outcome.names) == {OK, "NOT_FOUND"}
    odd = outcome.messages == 1
    assert (np.array(outcome.names)[outcome.codes] == np.where(odd, "NOT_FOUND", OK)).all()
    assert (outcome.latencies_s > outcome.late_s).all()
