"""`python -m dsc_common.healthcheck HOST:PORT…`: exit code 0 once all these services are serving."""

import time
from pathlib import Path
from typing import Annotated

import grpc
import typer
from grpc_health.v1 import health_pb2, health_pb2_grpc

from dsc_common.cli.app import run_app
from dsc_common.errors import UnreachableError
from dsc_common.serving.address import Peer
from dsc_common.serving.client import connect
from dsc_common.serving.status import call_error

app = typer.Typer(add_completion=False)


@app.command()
def healthcheck(
    addresses: Annotated[list[str], typer.Argument(metavar="HOST:PORT…", help="Services to check.")],
    wait_s: Annotated[float, typer.Option(min=0.0, help="Time limit for all services, in seconds.")] = 5.0,
    tls_ca: Annotated[Path | None, typer.Option(metavar="PEM", help="CA certificates (PEM).")] = None,
) -> None:
    """Check services with the standard gRPC health protocol; wait until all of them answer."""
    deadline = time.monotonic() + wait_s
    for address in addresses:
        left_s = max(0.0, round(deadline - time.monotonic(), 1))  # never -0.0
        require_serving(Peer("service", address, tls_ca), left_s)


def require_serving(peer: Peer, wait_s: float) -> None:
    """Return once the peer's health is SERVING.

    Args:
        peer: the service.
        wait_s: time limit in seconds.

    Raises:
        UnreachableError: the peer did not answer in time, or is not serving.
    """
    deadline = time.monotonic() + wait_s
    with connect(peer, max(0.0, wait_s)) as channel:
        stub = health_pb2_grpc.HealthStub(channel)
        try:
            reply = stub.Check(health_pb2.HealthCheckRequest(), timeout=max(deadline - time.monotonic(), 0.1))
        except grpc.RpcError as error:
            raise call_error(error, peer) from error
    if reply.status != health_pb2.HealthCheckResponse.SERVING:
        name = health_pb2.HealthCheckResponse.ServingStatus.Name(reply.status)
        raise UnreachableError(f"{peer.role} at {peer.address} does not serve: {name}")


if __name__ == "__main__":
    run_app(app)
