"""Checks services with the standard gRPC health protocol, and waits until all of them are serving."""

import os
import time
from dataclasses import replace
from pathlib import Path
from typing import Annotated, NoReturn

import grpc
import typer
from grpc_health.v1 import health_pb2, health_pb2_grpc

from dsc_common.cli.app import run_app
from dsc_common.cli.paths import path_of
from dsc_common.cli.settings import MAX_WAIT_S, refused_as_setting
from dsc_common.errors import UnreachableError
from dsc_common.serving.address import Peer, parse_address
from dsc_common.serving.client import connect
from dsc_common.serving.status import call_error
from dsc_common.serving.tls import tls_files
from dsc_common.serving.trust import checked_peer

PAUSE_S = 0.25

app = typer.Typer(add_completion=False)


@app.command()
def healthcheck(
    addresses: Annotated[list[str], typer.Argument(metavar="HOST:PORT…", help="Services to check.")],
    wait_s: Annotated[
        float, typer.Option(min=0.0, max=MAX_WAIT_S, help="Time limit for all services, in seconds.")
    ] = 5.0,
    service: Annotated[
        str, typer.Option(help="Full name of the gRPC service that must be ready. (default: any)")
    ] = "",
    tls_ca: Annotated[
        Path | None,
        typer.Option(
            parser=path_of, metavar="PEM", help="CA certificates (PEM). (default: from the environment)"
        ),
    ] = None,
    tls_certificate: Annotated[
        Path | None,
        typer.Option(
            parser=path_of, metavar="PEM", help="Certificate to show. (default: from the environment)"
        ),
    ] = None,
    tls_key: Annotated[
        Path | None, typer.Option(parser=path_of, metavar="PEM", help="Private key of that certificate.")
    ] = None,
) -> None:
    """Check services with the standard gRPC health protocol; wait until all of them serve.

    A channel serves dsc.v1.TransmissionService only while its server answers.
    The certificates to trust come from the settings of server, channel and device: DSC_…_TLS_CA for
    their addresses, DSC_…_TLS_CERTIFICATE for the port of a service on this machine. Services that need a
    certificate are shown the one of these settings (DSC_…_TLS_CERTIFICATE and DSC_…_TLS_KEY).
    """
    with refused_as_setting():
        for address in addresses:
            parse_address(address)
        shown = tls_files(tls_certificate, tls_key)
    deadline = time.monotonic() + wait_s
    for address in addresses:
        left_s = max(0.0, round(deadline - time.monotonic(), 1))  # never -0.0
        peer = checked_peer(address, os.environ)
        peer = replace(peer, tls_ca=tls_ca or peer.tls_ca)
        if shown is not None:
            peer = replace(peer, tls_certificate=shown.certificate, tls_key=shown.key)
        require_serving(peer, left_s, service)


def require_serving(peer: Peer, wait_s: float, service: str = "") -> None:
    """Return once the peer's health is SERVING.

    Args:
        peer: the service.
        wait_s: time limit in seconds.
        service: full name of a gRPC service of the peer; empty: the peer as a whole.

    Raises:
        UnreachableError: the peer did not answer in time, or is not serving.
    """
    deadline = time.monotonic() + wait_s
    with connect(peer, max(0.0, wait_s)) as channel:
        while (name := _status(channel, peer, service, deadline)) != "SERVING":
            if time.monotonic() + PAUSE_S > deadline:
                what = f" {service}" if service else ""
                raise UnreachableError(f"{peer} does not serve{what}: {name}")
            time.sleep(PAUSE_S)


def _status(channel: grpc.Channel, peer: Peer, service: str, deadline: float) -> str:
    stub = health_pb2_grpc.HealthStub(channel)
    request = health_pb2.HealthCheckRequest(service=service)
    try:
        reply = stub.Check(request, timeout=max(deadline - time.monotonic(), 0.1))
    except grpc.RpcError as error:
        raise call_error(error, peer) from error
    return str(health_pb2.HealthCheckResponse.ServingStatus.Name(reply.status))


def main() -> NoReturn:
    """Run the command."""
    run_app(app)
