"""One outage: a process is killed, stopped or paused under load, comes back, and clients are watched."""

import asyncio
import signal
import time
from collections import Counter
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import grpc

from dsc_common.serving.address import Peer
from dsc_common.serving.client import OPTIONS, options_of
from dsc_demo.processes import ServiceProcess
from dsc_eval.load.calling import PATHS, Method
from dsc_eval.load.closed_loop import OK, Plan, run
from helpers.real_processes import Running, start_channel, start_server

CLIENTS = 8
WAIT_S = 30.0  # of a request: that of a device
BEFORE_S = 1.5
SETTLE_S = 1.5  # after the bound
PAUSE_S = 5.0
OVERLOAD_S = 1.0
JITTER = 1.2  # gRPC's, of its backoff
LOST = "calls that were ended without an answer"


class Event(StrEnum):
    """What happens to the process."""

    KILLED = "kill -9, restart"
    STOPPED = "SIGTERM, restart"
    PAUSED = "SIGSTOP 5 s, SIGCONT"


@dataclass(frozen=True)
class Outage:
    """What happens to whom, and how clients call.

    Attributes:
        victim: server or channel.
        event: what happens.
        method: transmit: through the channel; retrieve: directly.
    """

    victim: str
    event: Event
    method: Method

    @property
    def bound_s(self) -> float:
        """Most seconds from its return to the last error.

        Clients of this process connect again by gRPC's backoff. The channel waits for its server, and a
        process that was paused answers what waits. Only a server may think for a moment that it is slow.
        """
        if self.is_hidden or self.event is Event.PAUSED:
            return 0.0 if self.method is Method.TRANSMIT else OVERLOAD_S
        return JITTER * dict(OPTIONS)["grpc.max_reconnect_backoff_ms"] / 1e3

    @property
    def is_hidden(self) -> bool:
        """The channel stands between clients and the victim."""
        return (self.victim, self.method) == ("server", Method.TRANSMIT)


@dataclass(frozen=True)
class Seen:
    """What clients saw.

    Attributes:
        outage: the outage.
        away_s: seconds from the signal until the process was back.
        statuses: requests by status; all that were sent.
        last_error_s: seconds from the return to the last error; None: there was none, or none after it.
        lost: requests that the victim ended without an answer, by its own count.
    """

    outage: Outage
    away_s: float
    statuses: Counter[str]
    last_error_s: float | None
    lost: int

    @property
    def errors(self) -> Counter[str]:
        """Requests that were not answered, by status."""
        return Counter({name: count for name, count in self.statuses.items() if name != OK})

    def fault(self) -> str:
        """What is not as it must be; empty if all is."""
        outage = self.outage
        if not self.statuses[OK]:
            return "nothing was answered"
        if not outage.bound_s and self.errors:
            return f"expected no error, got {dict(self.errors)}"
        if (self.last_error_s or 0.0) > outage.bound_s:
            return f"the last error came {self.last_error_s:.1f} s after the return"
        expected = "RESOURCE_EXHAUSTED" if outage.event is Event.PAUSED else "UNAVAILABLE"
        if unexpected := set(self.errors) - {expected}:
            return f"expected {expected} alone, got {', '.join(sorted(unexpected))}"
        return f"{self.lost} requests were lost" if self.lost else ""


def see(outage: Outage, index: Path, requests: dict[Method, bytes]) -> Seen:
    """Start both services, put load on them, and let the outage happen."""
    with start_server(index) as server, start_channel(server.address) as channel:
        watched = _Watched(outage, Running(server, channel), index)
        called = channel if outage.method is Method.TRANSMIT else server
        try:
            asyncio.run(watched.run(called.address, requests[outage.method]))
        finally:
            watched.end()
        return watched.seen()


class _Watched:
    """The load, and beside it the outage."""

    def __init__(self, outage: Outage, services: Running, index: Path) -> None:
        self._outage, self._services, self._index = outage, services, index
        self._ends: list[tuple[float, str]] = []
        self._gone = self._back = 0.0
        self._next: ServiceProcess | None = None

    async def run(self, address: str, request: bytes) -> None:
        """Send until the clients have settled."""
        peer = Peer(self._outage.victim, address)
        options = [*options_of(peer), ("grpc.use_local_subchannel_pool", 1)]
        connections = [grpc.aio.insecure_channel(address, options=options) for _ in range(CLIENTS)]
        calls: list[Any] = [each.unary_unary(PATHS[self._outage.method]) for each in connections]

        async def call(client: int, _number: int) -> str:
            if self._is_over():
                await asyncio.sleep(0.01)
                return OK
            status = OK
            try:
                await calls[client](request, timeout=WAIT_S)
            except grpc.aio.AioRpcError as error:
                status = str(error.code().name)
            self._ends.append((time.monotonic(), status))
            return status

        await asyncio.gather(*(each.channel_ready() for each in connections))
        happening = asyncio.create_task(asyncio.to_thread(self._happen))
        most_s = BEFORE_S + WAIT_S + self._outage.bound_s + SETTLE_S
        load = asyncio.create_task(run(call, Plan(CLIENTS, most_s)))
        await happening
        while not self._is_over():
            await asyncio.sleep(0.05)
        load.cancel()
        await asyncio.gather(load, return_exceptions=True)
        await asyncio.gather(*(each.close() for each in connections))

    def _is_over(self) -> bool:
        return bool(self._back) and time.monotonic() > self._back + self._outage.bound_s + SETTLE_S

    def _happen(self) -> None:
        """In a thread: the outage, from its signal to the return."""
        time.sleep(BEFORE_S)
        victim: ServiceProcess = getattr(self._services, self._outage.victim)
        self._gone = time.monotonic()
        if self._outage.event is Event.PAUSED:
            victim.send_signal(signal.SIGSTOP)
            time.sleep(PAUSE_S)
            victim.send_signal(signal.SIGCONT)
        else:
            killed = self._outage.event is Event.KILLED
            victim.send_signal(signal.SIGKILL if killed else signal.SIGTERM)
            victim.wait(WAIT_S)
            self._next = self._again(victim.address).start()
        self._back = time.monotonic()

    def _again(self, address: str) -> ServiceProcess:
        if self._outage.victim == "server":
            return start_server(self._index, "--listen", address)
        return start_channel(self._services.server.address, "--listen", address)

    def end(self) -> None:
        """Stop what was started again."""
        if self._next is not None:
            self._next.stop()

    def seen(self) -> Seen:
        """What clients saw."""
        errors = [ended - self._back for ended, status in self._ends if status != OK]
        after = [seconds for seconds in errors if seconds > 0]
        victim: ServiceProcess = getattr(self._services, self._outage.victim)
        lost = [line for line in victim.stderr_lines if line.startswith(LOST)]
        return Seen(
            self._outage,
            self._back - self._gone,
            Counter(status for _, status in self._ends),
            max(after, default=None),
            sum(int(line.rpartition(" ")[2]) for line in lost),
        )


ALL: list[Outage] = [
    Outage(victim, event, method)
    for victim, method in (
        ("server", Method.RETRIEVE),
        ("server", Method.TRANSMIT),
        ("channel", Method.TRANSMIT),
    )
    for event in Event
]
