"""What one run of the serving benchmark has: a server, a channel in front of it, and a load generator."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from dsc_common.errors import DscError
from dsc_common.serving.address import Peer
from dsc_eval.load.calling import Method, Target
from dsc_eval.load.closed_loop import Plan
from dsc_eval.load.cores import Cores
from dsc_eval.load.report import LoadReport
from dsc_eval.load.services import Generator, Service, running_generator, running_service

WAIT_S = 30.0
_ONE_REQUEST = Plan(clients=1, seconds=0, requests=1)


@dataclass(frozen=True)
class Measured:
    """A load in one run.

    Attributes:
        report: of the generator.
        server_cpu_ms: processor time of the server for each request that was sent, in milliseconds.
        channel_cpu_ms: the same of the channel.
    """

    report: LoadReport
    server_cpu_ms: float
    channel_cpu_ms: float


@dataclass(frozen=True)
class ServingBed:
    """Processes that run.

    Attributes:
        server: is called by `empty` and `retrieve`.
        channel: is called by `transmit`, and calls the server.
        generator: calls them.
        first_answer_s: seconds from the start of the server to the first answer to a request.
    """

    server: Service
    channel: Service
    generator: Generator
    first_answer_s: float

    def measure(
        self, method: Method, requests: Sequence[bytes], plan: Plan, connections: int | None
    ) -> Measured:
        """A load on one of the services.

        Args:
            method: what is called.
            requests: encoded messages, sent in turn.
            plan: clients and times.
            connections: that the clients share; None: one for each.

        Raises:
            DscError: the service does not answer.
        """
        services = (self.server, self.channel)
        peer = _peer("channel", self.channel) if method is Method.TRANSMIT else _peer("server", self.server)
        before = [service.cpu_s() for service in services]
        report = self.generator.load(Target(peer, method, requests, WAIT_S, connections), plan)
        server_s, channel_s = (
            service.cpu_s() - seconds for service, seconds in zip(services, before, strict=True)
        )
        sent = max(1, report.sent)
        return Measured(report, 1e3 * server_s / sent, 1e3 * channel_s / sent)


@contextmanager
def serving_bed(index: Path, cores: Cores, request: bytes) -> Iterator[ServingBed]:
    """Processes that end with the block.

    Args:
        index: that is served.
        cores: of the processes.
        request: to `retrieve`, is the first that the server answers.

    Raises:
        DscError: a process does not start, or the request is not answered.
    """
    with (
        running_generator(cores.generator) as generator,
        running_service("dsc_server", "--index", index, cores=cores.server) as server,
    ):
        target = Target(_peer("server", server), Method.RETRIEVE, [request], WAIT_S)
        report = generator.load(target, _ONE_REQUEST)
        first_answer_s = time.perf_counter() - server.started
        if not report.answered:
            raise DscError(f"the server does not answer: {report.row()['statuses']}")
        with running_service("dsc_channel", "--server", server.address, cores=cores.channel) as channel:
            yield ServingBed(server, channel, generator, first_answer_s)


def _peer(role: str, service: Service) -> Peer:
    return Peer(role, service.address)
