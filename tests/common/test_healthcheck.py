"""`python -m dsc_common.healthcheck` against real health services, and ports where nothing listens."""

import socket
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import pytest
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from dsc_common.errors import DscError, UnreachableError
from dsc_common.healthcheck import command as healthcheck_module
from dsc_common.healthcheck.command import require_serving
from dsc_common.serving.address import Peer
from dsc_common.serving.trust import checked_peer

Service = tuple[str, health.HealthServicer]
SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING


@pytest.fixture
def service() -> Iterator[Service]:
    """A service with nothing but its health: its address, and what sets the health."""
    checks = health.HealthServicer()
    server = grpc.server(ThreadPoolExecutor(2))
    health_pb2_grpc.add_HealthServicer_to_server(checks, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield f"127.0.0.1:{port}", checks
    server.stop(None)


@pytest.fixture
def silent_address() -> Iterator[str]:
    """A port that is taken, on which nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"127.0.0.1:{taken.getsockname()[1]}"


@pytest.fixture
def free_address() -> str:
    """A port that was free a moment ago."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{taken.getsockname()[1]}"


def healthcheck(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "dsc_common.healthcheck", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_a_serving_service_passes(service: Service) -> None:
    address, checks = service
    checks.set("", SERVING)
    require_serving(Peer("service", address), 10)


def test_a_service_that_is_up_but_not_serving_fails(service: Service) -> None:
    address, checks = service
    checks.set("", NOT_SERVING)
    with pytest.raises(UnreachableError, match=f"{address} does not serve: NOT_SERVING"):
        require_serving(Peer("service", address), 0.2)


def test_a_named_service_is_waited_for(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    address, checks = service
    checks.set("", SERVING)
    checks.set("test.Ready", NOT_SERVING)
    pauses: list[float] = []

    def pause(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 3:
            checks.set("test.Ready", SERVING)

    monkeypatch.setattr(healthcheck_module.time, "sleep", pause)
    require_serving(Peer("service", address), 30, "test.Ready")
    assert len(pauses) == 3
    with pytest.raises(DscError, match=r"test\.Absent|NOT_FOUND"):
        require_serving(Peer("service", address), 30, "test.Absent")


@pytest.mark.parametrize(
    ("address", "variables", "file"),
    [
        ("server:50051", {"DSC_DEVICE_SERVER": "server:50051", "DSC_DEVICE_SERVER_TLS_CA": "a"}, "a"),
        ("channel:50052", {"DSC_DEVICE_SERVER": "server:50051", "DSC_DEVICE_SERVER_TLS_CA": "a"}, None),
        ("127.0.0.1:50052", {"DSC_DEVICE_CHANNEL_TLS_CA": "b"}, "b"),
        ("server:50051", {"DSC_CHANNEL_SERVER": "server:50051", "DSC_CHANNEL_SERVER_TLS_CA": "c"}, "c"),
        ("server:50051", {"DSC_SERVER_TLS_CERTIFICATE": "chain"}, "chain"),
        ("channel:50052", {"DSC_CHANNEL_TLS_CERTIFICATE": "chain"}, "chain"),
        ("channel:7", {"DSC_CHANNEL_TLS_CERTIFICATE": "chain", "DSC_CHANNEL_LISTEN": "0.0.0.0:7"}, "chain"),
        ("server:50051", {"DSC_CHANNEL_TLS_CERTIFICATE": "chain"}, None),
        ("server:50051", {"DSC_DEVICE_SERVER_TLS_CA": "", "DSC_SERVER_TLS_CERTIFICATE": ""}, None),
    ],
)
def test_the_file_to_trust_comes_from_the_settings_of_the_roles(
    address: str, variables: dict[str, str], file: str | None
) -> None:
    assert checked_peer(address, variables).tls_ca == (None if file is None else Path(file))


PAIR = {"TLS_CERTIFICATE": "chain", "TLS_KEY": "key"}
DEVICE, CHANNEL, SERVER = (
    {f"DSC_{role}_{name}": f"{role}-{file}" for name, file in PAIR.items()}
    for role in ("DEVICE", "CHANNEL", "SERVER")
)


@pytest.mark.parametrize(
    ("address", "variables", "shown"),
    [
        ("127.0.0.1:50051", {**DEVICE, "DSC_DEVICE_SERVER_TLS_CA": "a"}, "DEVICE"),
        ("127.0.0.1:50052", {**DEVICE, "DSC_DEVICE_CHANNEL_TLS_CA": "a"}, "DEVICE"),
        ("server:50051", SERVER, "SERVER"),
        ("channel:50052", CHANNEL, "CHANNEL"),
        ("127.0.0.1:50051", {**CHANNEL, "DSC_CHANNEL_SERVER_TLS_CA": "a"}, "CHANNEL"),
        ("127.0.0.1:50051", {"DSC_DEVICE_SERVER_TLS_CA": "a"}, None),
        (
            "127.0.0.1:50051",
            {
                **CHANNEL,
                "DSC_CHANNEL_SERVER_TLS_CA": "a",
                "DSC_CHANNEL_SERVER_TLS_CERTIFICATE": "OTHER-chain",
                "DSC_CHANNEL_SERVER_TLS_KEY": "OTHER-key",
            },
            "OTHER",
        ),
    ],
)
def test_the_certificate_to_show_comes_from_the_settings_of_the_roles(
    address: str, variables: dict[str, str], shown: str | None
) -> None:
    peer = checked_peer(address, variables)
    expected = (None, None) if shown is None else (Path(f"{shown}-chain"), Path(f"{shown}-key"))
    assert (peer.tls_certificate, peer.tls_key) == expected


def test_a_service_that_tells_no_health_fails_with_its_address() -> None:
    server = grpc.server(ThreadPoolExecutor(1))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    with pytest.raises(DscError, match=f"127.0.0.1:{port} failed .UNIMPLEMENTED"):
        require_serving(Peer("service", f"127.0.0.1:{port}"), 10)
    server.stop(None)


def test_a_service_that_comes_later_is_waited_for(free_address: str) -> None:
    checks = health.HealthServicer()
    checks.set("", SERVING)
    server = grpc.server(ThreadPoolExecutor(2))
    health_pb2_grpc.add_HealthServicer_to_server(checks, server)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(require_serving, Peer("service", free_address), 30)
        server.add_insecure_port(free_address)
        server.start()
        waiting.result()
    server.stop(None)


def test_the_command_succeeds_only_if_every_service_serves(service: Service, silent_address: str) -> None:
    address, checks = service
    checks.set("", SERVING)
    assert healthcheck(address, address).returncode == 0
    failed = healthcheck(address, silent_address, "--wait-s", "0.2")
    assert failed.returncode == 1
    assert silent_address in failed.stderr
    assert failed.stderr.startswith("error: ")
    assert len(failed.stderr.splitlines()) == 1


def test_an_address_without_a_port_is_refused() -> None:
    refused = healthcheck("server")
    assert refused.returncode == 2
    assert refused.stderr == "error: expected an address HOST:PORT, got 'server'\n"
