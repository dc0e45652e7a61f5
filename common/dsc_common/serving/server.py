"""Serve gRPC services: health with Watch, reflection, TLS, limits, errors as statuses, graceful SIGTERM."""

import asyncio
import socket
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import grpc
from grpc_health.v1 import health_pb2_grpc
from grpc_health.v1.health import SERVICE_NAME as HEALTH_NAME
from grpc_reflection.v1alpha import reflection

from dsc_common.cli.interruption import handled_signals
from dsc_common.cli.streams import announce, say
from dsc_common.errors import DscError
from dsc_common.observing.observation import Identification, Observation
from dsc_common.observing.observer import Observer
from dsc_common.observing.service_metrics import watch_certificate, watch_limits, watch_ready
from dsc_common.serving.access import Access, OpenAccess
from dsc_common.serving.address import format_address, parse_address
from dsc_common.serving.admission import ENDING_S, Admission
from dsc_common.serving.arrival import Arrival
from dsc_common.serving.audit import Audit
from dsc_common.serving.authorisation import Authorisation
from dsc_common.serving.connections import connection_options, raise_descriptor_limit
from dsc_common.serving.health import Health
from dsc_common.serving.interceptor import DecodingInterceptor, StatusInterceptor
from dsc_common.serving.limits import ServingLimits
from dsc_common.serving.queue_probe import QueueProbe
from dsc_common.serving.roles import Role
from dsc_common.serving.tls import ServerTls

PING_INTERVAL_MS = 10_000  # the shortest between pings of a client


@dataclass(frozen=True)
class Service:
    """A servicer of a server.

    Attributes:
        name: full name of the service.
        add: the generated function that adds the servicer to a server.
        servicer: the servicer.
        follow: runs while the server does, and reports whether the service is ready; None: it always is.
        role: what its methods need of a caller.
    """

    name: str
    add: Callable[[Any, Any], None]
    servicer: object
    follow: Callable[[Callable[[bool], None]], Coroutine[Any, Any, None]] | None = None
    role: Role = Role.ADMIN


def serve(
    listen: str,
    services: Sequence[Service],
    limits: ServingLimits | None = None,
    tls: ServerTls | None = None,
    observer: Observer | None = None,
    access: Access | None = None,
) -> None:
    """Serve until SIGTERM, SIGINT or SIGHUP, then answer running requests for up to `limits.grace_s` seconds.

    Prints "listening on HOST:PORT" once requests are accepted.

    Args:
        listen: HOST:PORT.
        services: the services.
        limits: bounds of the server.
        tls: its certificate; None: no TLS.
        observer: of its calls.
        access: who may call; None: whoever is connected.

    Raises:
        DscError: the port is in use, or the TLS files cannot be read.
    """
    raise_descriptor_limit()
    asyncio.run(_serve(listen, services, limits or ServingLimits(), tls, observer, access or OpenAccess()))


def new_server(
    limits: ServingLimits,
    admission: Admission | None = None,
    observer: Observer | None = None,
    authorisation: Authorisation | None = None,
    probe: QueueProbe | None = None,
) -> grpc.aio.Server:
    """A server of the running event loop, not yet bound to a port; errors of its methods become statuses.

    Args:
        limits: bounds of the server.
        admission: keeps to these bounds.
        observer: of its calls.
        authorisation: checks callers; None: nobody does.
        probe: answers its calls as soon as they are read.
    """
    arrival = Arrival(limits.stall_s, limits.max_message_bytes)
    interceptors: list[grpc.aio.ServerInterceptor] = [arrival, StatusInterceptor()]
    if authorisation is not None:
        interceptors.append(authorisation)
    interceptors += [admission or Admission(limits), DecodingInterceptor()]
    if observer is not None:  # outermost: it sees each status, also of calls that are refused
        interceptors = [Observation(observer), *interceptors, Identification()]
    if probe is not None:
        interceptors.insert(0, probe)
    return grpc.aio.server(interceptors=interceptors, options=options(limits))


def options(limits: ServingLimits) -> list[tuple[str, int]]:
    """Options of a server: gRPC ignores names that it does not have."""
    return [
        ("grpc.max_receive_message_length", limits.max_message_bytes),
        # Clients ping each 20 s; those of others may also ping while no call is under way.
        ("grpc.http2.min_ping_interval_without_data_ms", PING_INTERVAL_MS),
        ("grpc.keepalive_permit_without_calls", 1),
        ("grpc.so_reuseport", 0),  # a port in use is an error, not a second server
        *connection_options(limits),
    ]


async def _serve(
    listen: str,
    services: Sequence[Service],
    limits: ServingLimits,
    tls: ServerTls | None,
    observer: Observer | None,
    access: Access,
) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in handled_signals():
        loop.add_signal_handler(number, stop.set)
    with QueueProbe() as probe:
        admission, health = Admission(limits, probe), Health()
        authorisation = Authorisation(access, {service.name: service.role for service in services}, Audit())
        server = new_server(limits, admission, observer, authorisation, probe)
        add_services(server, services, health)
        address = _bind(server, listen, tls)
        _bind_probe(server, probe)
        _export(observer, services, limits, tls, health)
        await server.start()
        followers = [
            asyncio.create_task(service.follow(partial(health.set, service.name)))
            for service in services
            if service.follow is not None
        ]
        followers.append(asyncio.create_task(probe.follow()))
        announce(f"listening on {address}")
        await stop.wait()
        say("stopping: requests under way are answered first")
        health.stop()
        await admission.drain(limits.grace_s)
        await server.stop(ENDING_S)
        for task in followers:
            task.cancel()


def add_services(server: grpc.aio.Server, services: Sequence[Service], health: Health) -> None:
    """Add services, their health and their reflection to a server."""
    for service in services:
        service.add(service.servicer, server)
    health_pb2_grpc.add_HealthServicer_to_server(health, server)
    health.set("", serving=True)
    for service in services:
        health.set(service.name, serving=service.follow is None)
    names = [service.name for service in services]
    reflection.enable_server_reflection([*names, HEALTH_NAME, reflection.SERVICE_NAME], server)


def _export(
    observer: Observer | None,
    services: Sequence[Service],
    limits: ServingLimits,
    tls: ServerTls | None,
    health: Health,
) -> None:
    if observer is None or observer.registry is None:
        return
    watch_limits(observer.registry, limits)
    watch_ready(observer.registry, [service.name for service in services], health.is_serving)
    if tls is not None:
        watch_certificate(observer.registry, tls.files.certificate)


def _bind(server: grpc.aio.Server, listen: str, tls: ServerTls | None) -> str:
    host, port = parse_address(listen)
    _require_free(host, port)
    try:
        if tls is None:
            bound = server.add_insecure_port(listen)
        else:
            bound = server.add_secure_port(listen, tls.credentials())
    except RuntimeError as error:
        cause = "the address" if tls is None else f"the address, {tls.files.certificate} or {tls.files.key}"
        raise DscError(f"cannot listen on {listen}: gRPC refuses {cause}") from error
    return format_address(host, bound)


def _bind_probe(server: grpc.aio.Server, probe: QueueProbe) -> None:
    try:
        server.add_insecure_port(probe.address)
    except RuntimeError as error:
        raise DscError(f"cannot listen in {probe.folder}: expected a shorter path in TMPDIR") from error


def _require_free(host: str, port: int) -> None:
    # gRPC gives no reason for an unusable port, and writes to stderr; a plain socket gives the reason.
    family = socket.AF_INET6 if host.startswith("[") else socket.AF_INET
    both = host == "[::]" and socket.has_dualstack_ipv6()  # as gRPC binds it: IPv4 as well
    try:
        with socket.create_server((host.strip("[]"), port), family=family, dualstack_ipv6=both):
            pass
    except OSError as error:
        reason = str(error.strerror).partition(" (")[0].lower()
        raise DscError(f"cannot listen on {format_address(host, port)}: {reason}") from error
