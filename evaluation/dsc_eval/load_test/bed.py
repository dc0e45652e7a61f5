"""What is measured: a server, a channel, and generators that call them."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from dsc_common.serving.address import Peer
from dsc_device.settings import DeviceSettings
from dsc_eval.load.calling import EMPTY_REQUEST, Method, Target
from dsc_eval.load.closed_loop import Plan
from dsc_eval.load.cores import assigned, available_cores
from dsc_eval.load.mixing import Kind, Messages, mixed
from dsc_eval.load.open_loop import OpenPlan
from dsc_eval.load.open_report import OpenReport
from dsc_eval.load.processes import process_at
from dsc_eval.load.report import LoadReport
from dsc_eval.load.requests import REQUESTS, Packets
from dsc_eval.load.services import Generator, load_open, running_generator, running_service
from dsc_eval.load_test.uses import ProcessUse, watched

TOP = 10
OWN_WAIT_S = 30.0
# All requests come from one client, in place of many devices.
_SERVER, _CHANNEL = {"DSC_SERVER_MAX_REQUESTS_PER_S": "0"}, {"DSC_CHANNEL_MAX_REQUESTS_PER_S": "0"}


@dataclass(frozen=True)
class Services:
    """Services that are called.

    Attributes:
        name: of what is measured, such as the scheme.
        server, channel: where they are.
        processes: their numbers by role, where they run on this machine.
        wait_s: time limit of a request.
    """

    name: str
    server: Peer
    channel: Peer
    processes: Mapping[str, int]
    wait_s: float


@dataclass(frozen=True)
class Bed:
    """Services, generators, and the messages of each call.

    Attributes:
        services: that are called.
        generators: that call them.
        messages: by call.
        connections: of each generator; None: as many as usual.
    """

    services: Services
    generators: Sequence[Generator]
    messages: Mapping[Method, Messages]
    connections: int | None = None

    def offer(self, method: Method, plan: OpenPlan) -> tuple[OpenReport, Mapping[str, ProcessUse]]:
        """An open loop: the report, and what the processes took meanwhile.

        Raises:
            DscError: a service does not answer.
        """
        numbers = [("generator", each.process.pid) for each in self.generators]
        if len(numbers) > 1:
            numbers = [(f"{role} {place}", pid) for place, (role, pid) in enumerate(numbers, 1)]
        uses: dict[str, ProcessUse] = {}
        watching = watched({**self.services.processes, **dict(numbers)}, uses)
        messages = self.messages[method]
        report = load_open(self.generators, self._target(method), plan, messages, watching)
        return report, uses

    def closed(self, method: Method, plan: Plan) -> LoadReport:
        """A closed loop of the first generator.

        Raises:
            DscError: a service does not answer.
        """
        return self.generators[0].load(self._target(method), plan)

    def _target(self, method: Method) -> Target:
        services = self.services
        peer = services.channel if method is Method.TRANSMIT else services.server
        requests = self.messages[method].requests
        return Target(peer, method, requests, services.wait_s, self.connections)


def given_services(settings: DeviceSettings) -> Services:
    """Services that run already; their processes are found if they listen on loopback addresses."""
    found = {"server": process_at(settings.server), "channel": process_at(settings.channel)}
    processes = {role: pid for role, pid in found.items() if pid is not None}
    return Services(settings.server, settings.server_peer, settings.channel_peer, processes, settings.wait_s)


@contextmanager
def own_services(name: str, index: Path, generators: int) -> Iterator[Services]:
    """Server and channel on free ports, each a process, until the block ends.

    Raises:
        DscError: one does not start.
    """
    cores = assigned(available_cores(), generators)
    with (
        running_service("dsc_server", "--index", index, cores=cores.server, variables=_SERVER) as server,
        running_service(
            "dsc_channel", "--server", server.address, cores=cores.channel, variables=_CHANNEL
        ) as channel,
    ):
        processes = {"server": server.pid, "channel": channel.pid}
        yield Services(
            name, Peer("server", server.address), Peer("channel", channel.address), processes, OWN_WAIT_S
        )


@contextmanager
def running_generators(count: int, *, alone: bool) -> Iterator[list[Generator]]:
    """Generators until the block ends.

    Args:
        count: of them.
        alone: on cores that `own_services` leaves to them.
    """
    cores = assigned(available_cores(), count).generator if alone else available_cores()
    with ExitStack() as stack:
        yield [stack.enter_context(running_generator(cores)) for _ in range(count)]


def messages_of(packets: Packets, kinds: Sequence[Kind], seed: int) -> dict[Method, Messages]:
    """The messages of each call: all kinds of packets, mixed.

    Raises:
        InvalidInputError: the packets do not fit a kind's link.
    """
    found = {Method.EMPTY: Messages([EMPTY_REQUEST])}
    for method, encode in REQUESTS.items():
        requests = [encode(packets, kind.link(seed), kind.options(TOP)) for kind in kinds]
        found[method] = mixed(kinds, requests, seed)
    return found
