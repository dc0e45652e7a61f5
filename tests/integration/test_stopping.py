"""Processes end well: SIGTERM answers what is under way, Ctrl-C and SIGKILL leave no damaged index."""

import signal
import subprocess
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from dsc.v1 import retrieval_pb2, retrieval_pb2_grpc, transmission_pb2, transmission_pb2_grpc
from dsc_channel.transmission import transmit
from dsc_common.radio.link import LinkSettings
from dsc_common.wire.channel import signal_to_proto
from dsc_demo.processes import python_module
from dsc_server.index.files import read_index
from helpers.in_process import run
from helpers.real_processes import System, packet_of, start_channel, start_server
from integration.test_device_persists import free_address


class SlowServer(retrieval_pb2_grpc.RetrievalServiceServicer):
    """A server that says when a request has come, and answers when it is told to."""

    def __init__(self) -> None:
        self.asked = threading.Event()
        self.may_answer = threading.Event()

    def Retrieve(self, request: Any, context: Any) -> retrieval_pb2.RetrieveResponse:
        self.asked.set()
        self.may_answer.wait(60)
        return retrieval_pb2.RetrieveResponse()


@pytest.fixture
def slow() -> Iterator[tuple[SlowServer, str]]:
    servicer = SlowServer()
    with ThreadPoolExecutor(4) as pool:
        server = grpc.server(pool)
        retrieval_pb2_grpc.add_RetrievalServiceServicer_to_server(servicer, server)
        port = server.add_insecure_port("127.0.0.1:0")
        server.start()
        yield servicer, f"127.0.0.1:{port}"
        servicer.may_answer.set()
        server.stop(0).wait()


def test_sigterm_during_a_request_answers_it_first(system: System, slow: tuple[SlowServer, str]) -> None:
    servicer, address = slow
    request = transmission_pb2.TransmitRequest(packet=packet_of(read_index(system.index), [1, 2, 3, 4, 5]))
    with start_channel(address) as channel, grpc.insecure_channel(channel.address) as connection:
        stub = transmission_pb2_grpc.TransmissionServiceStub(connection)
        answer = stub.Transmit.future(request, timeout=60)
        assert servicer.asked.wait(60)
        watch = health_pb2_grpc.HealthStub(connection).Watch(health_pb2.HealthCheckRequest(), timeout=60)
        assert next(watch).status == health_pb2.HealthCheckResponse.SERVING
        channel.send_signal(signal.SIGTERM)
        assert next(watch).status == health_pb2.HealthCheckResponse.NOT_SERVING
        watch.cancel()
        check = health_pb2_grpc.HealthStub(connection).Check(health_pb2.HealthCheckRequest(), timeout=60)
        assert check.status == health_pb2.HealthCheckResponse.NOT_SERVING
        assert not answer.done()
        servicer.may_answer.set()
        assert answer.result().link.channel_uses > 0
        assert channel.wait(60) == 0


def test_requests_without_an_answer_after_the_grace_end_with_unavailable(
    system: System, slow: tuple[SlowServer, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    servicer, address = slow
    monkeypatch.setenv("DSC_CHANNEL_GRACE_S", "0.3")
    request = transmission_pb2.TransmitRequest(packet=packet_of(read_index(system.index), [1, 2, 3, 4, 5]))
    with start_channel(address) as channel, grpc.insecure_channel(channel.address) as connection:
        answer = transmission_pb2_grpc.TransmissionServiceStub(connection).Transmit.future(
            request, timeout=60
        )
        assert servicer.asked.wait(60)
        channel.send_signal(signal.SIGTERM)
        assert answer.code() is grpc.StatusCode.UNAVAILABLE
        assert channel.wait(60) == 0
    assert channel.stderr_lines == [
        "stopping: requests under way are answered first",
        "calls that were ended without an answer after 0.3 s: 1",
    ]


def test_sigterm_under_load_answers_every_request_that_has_come(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded = read_index(system.index)
    packet = packet_of(loaded, [1, 2, 3, 4, 5])
    signal_sent = signal_to_proto(transmit(packet.data, loaded.index.format, LinkSettings(), "r"))
    request = retrieval_pb2.RetrieveRequest(
        signals=[signal_sent], format=packet.format, codebook_version=packet.codebook_version
    )
    monkeypatch.setenv("DSC_SERVER_MAX_QUEUE_S", "60")  # a busy machine refuses none
    with start_server(system.index) as server, grpc.insecure_channel(server.address) as connection:
        stub = retrieval_pb2_grpc.RetrievalServiceStub(connection)
        stub.Retrieve(request, timeout=60, wait_for_ready=True)
        asked = [stub.Retrieve.future(request, timeout=60) for _ in range(100)]
        asked[0].result()
        server.send_signal(signal.SIGTERM)
        ends = {call.code() for call in asked}
        assert server.wait(60) == 0
    assert ends <= {grpc.StatusCode.OK, grpc.StatusCode.UNAVAILABLE}
    assert server.stderr_lines[1:] == ["stopping: requests under way are answered first"]


def test_a_channel_is_ready_while_its_server_answers(system: System) -> None:
    serving, waiting = health_pb2.HealthCheckResponse.SERVING, health_pb2.HealthCheckResponse.NOT_SERVING
    address = free_address()
    with (
        start_channel(address, "--server-wait-s", "1") as channel,
        grpc.insecure_channel(channel.address) as connection,
    ):
        stub = health_pb2_grpc.HealthStub(connection)
        ready = stub.Watch(health_pb2.HealthCheckRequest(service="dsc.v1.TransmissionService"))
        assert next(ready).status == waiting
        alive = stub.Check(health_pb2.HealthCheckRequest(), timeout=60)
        assert alive.status == serving
        packet = packet_of(read_index(system.index), [1, 2, 3, 4, 5])
        request = transmission_pb2.TransmitRequest(packet=packet)
        with pytest.raises(grpc.RpcError) as caught:
            transmission_pb2_grpc.TransmissionServiceStub(connection).Transmit(request, timeout=60)
        assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
        line = f"server at {address} did not answer within 1 s: connection refused"
        assert caught.value.details() == line
        with start_server(system.index, "--listen", address) as server:
            assert next(ready).status == serving
            server.send_signal(signal.SIGKILL)
            assert next(ready).status == waiting
        assert stub.Check(health_pb2.HealthCheckRequest(), timeout=60).status == serving
    assert channel.stderr_lines[0] == f"not ready: server at {address}: connection refused"


def test_a_channel_with_a_bad_ca_file_ends_at_its_start(tmp_path: Path) -> None:
    bad = tmp_path / "ca.pem"
    bad.write_text("garbage")
    done = run("dsc_channel", "serve", "--listen", "127.0.0.1:0", "--server-tls-ca", bad)
    assert done.returncode == 1
    assert done.stderr == f"error: expected CA certificates (PEM) in {bad}, got none that can be read\n"
    missing = run("dsc_channel", "serve", "--server-tls-ca", tmp_path / "none.pem")
    assert missing.returncode == 1
    assert missing.stderr == f"error: cannot read {tmp_path / 'none.pem'}: No such file or directory\n"


@pytest.fixture(scope="module")
def many_photos(system: System, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Enough photos that a build is still busy when it is interrupted: one photo under many names."""
    folder = tmp_path_factory.mktemp("many")
    for number in range(3000):
        (folder / f"{number}.png").hardlink_to(system.photos / "coffee-0.png")
    return folder


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_an_interrupted_build_leaves_no_damaged_index(
    system: System, many_photos: Path, tmp_path: Path, number: signal.Signals
) -> None:
    index = tmp_path / "out" / "index"
    command = python_module("dsc_server", "build", many_photos, "--index", index, "--model", system.model)
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as build:
        assert build.stderr is not None
        for line in build.stderr:
            if line.startswith("extracting features"):
                break
        build.send_signal(number)
        said = build.stderr.read()
    assert not index.exists()
    if number is not signal.SIGKILL:
        assert build.returncode == 1
        assert said.splitlines()[-1] == "error: interrupted"
        assert list(tmp_path.iterdir()) == []  # the folder was made for the index
    again = run("dsc_server", "build", system.photos, "--index", index, "--model", system.model)
    assert again.returncode == 0
    assert len(read_index(index).catalogue) == 20
