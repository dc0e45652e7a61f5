"""Every limit of a server and a channel, met by a client in another process than theirs."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import grpc
import numpy as np
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from dsc.v1 import (
    channel_pb2,
    codebook_pb2,
    codebook_pb2_grpc,
    retrieval_pb2,
    retrieval_pb2_grpc,
    transmission_pb2,
    transmission_pb2_grpc,
)
from dsc_channel.transmission import transmit
from dsc_common.radio.link import LinkSettings
from dsc_common.serving.address import Peer
from dsc_common.serving.retrying import call_again_blocking
from dsc_common.serving.status import call_error
from dsc_common.wire.channel import signal_to_proto
from dsc_demo.processes import ServiceProcess
from dsc_server.index.files import LoadedIndex, read_index
from helpers.real_processes import Running, System, packet_of, start_channel, start_server

MINUTE_MS = 60_000.0


@pytest.fixture(scope="module")
def loaded(system: System) -> LoadedIndex:
    return read_index(system.index)


def retrieve_request(loaded: LoadedIndex, signals: int = 1) -> retrieval_pb2.RetrieveRequest:
    """A request with so many transmissions of one packet."""
    sent = packet_of(loaded, [1, 2, 3, 4, 5])
    signal = transmit(sent.data, loaded.index.format, LinkSettings(snr_db=5.0), "id")
    return retrieval_pb2.RetrieveRequest(
        signals=[signal_to_proto(signal)] * signals,
        format=sent.format,
        codebook_version=sent.codebook_version,
    )


def transmit_request(loaded: LoadedIndex, latency_ms: float = 0.0) -> transmission_pb2.TransmitRequest:
    """A packet that is under way for so long."""
    link = channel_pb2.ChannelOptions(latency_ms=latency_ms)
    return transmission_pb2.TransmitRequest(packet=packet_of(loaded, [1, 2, 3, 4, 5]), channel=link)


@contextmanager
def connected(service: ServiceProcess) -> Iterator[grpc.Channel]:
    with service, grpc.insecure_channel(service.address) as connection:
        yield connection


def refused(call: Callable[[], Any]) -> tuple[str, str, float]:
    """Status, line, and seconds to wait, of a call that is refused."""
    with pytest.raises(grpc.RpcError) as caught:
        call()
    error: Any = caught.value
    ours = call_error(error, Peer("service", "h:1"))
    return error.code().name, error.details(), getattr(ours, "retry_after_s", 0.0)


def is_alive(connection: grpc.Channel) -> bool:
    reply = health_pb2_grpc.HealthStub(connection).Check(health_pb2.HealthCheckRequest(), timeout=60)
    return bool(reply.status == health_pb2.HealthCheckResponse.SERVING)


def test_signals_samples_and_bytes_of_a_request(
    system: System, loaded: LoadedIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    samples = len(retrieve_request(loaded).signals[0].samples)
    monkeypatch.setenv("DSC_SERVER_MAX_SIGNALS", "3")
    monkeypatch.setenv("DSC_SERVER_MAX_SAMPLES", str(2 * samples))
    monkeypatch.setenv("DSC_SERVER_MAX_MESSAGE_BYTES", str(5 * 4 * samples))  # of single precision
    with connected(start_server(system.index)) as connection:
        stub = retrieval_pb2_grpc.RetrievalServiceStub(connection)
        assert stub.Retrieve(retrieve_request(loaded, 2)).results.receiver
        for count, line in (
            (0, "expected 1 to 3 received signals, got 0"),
            (3, f"expected up to {2 * samples} samples in all, got {3 * samples}"),
            (4, "expected 1 to 3 received signals, got 4"),
        ):
            request = retrieve_request(loaded, count)
            assert refused(lambda r=request: stub.Retrieve(r)) == ("INVALID_ARGUMENT", line, 0.0)
        status, line, _ = refused(lambda: stub.Retrieve(retrieve_request(loaded, 5)))
        assert status == "RESOURCE_EXHAUSTED"
        assert "larger than max" in line
        assert is_alive(connection)


def test_requests_per_second_of_a_client(
    system: System, loaded: LoadedIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DSC_SERVER_MAX_REQUESTS_PER_S", "0.01")
    with connected(start_server(system.index)) as connection:
        stub = codebook_pb2_grpc.CodebookServiceStub(connection)
        kind = codebook_pb2.ARTIFACT_KIND_CODEBOOK
        version = loaded.manifest.codebook_version
        download = codebook_pb2.DownloadRequest(codebook_version=version, kind=kind)
        assert stub.GetManifest(codebook_pb2.GetManifestRequest()).manifest.num_images
        for call in (
            lambda: stub.GetManifest(codebook_pb2.GetManifestRequest()),
            lambda: list(stub.Download(download)),
        ):
            status, line, wait_s = refused(call)
            assert status == "RESOURCE_EXHAUSTED"
            assert line.startswith("0.01 requests per second are allowed to each client; the next one is in ")
            assert wait_s == 60.0  # as long as a client lets itself be told
        assert is_alive(connection)


def test_packets_per_second_of_a_client_of_the_channel(
    running: Running, loaded: LoadedIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DSC_CHANNEL_MAX_REQUESTS_PER_S", "0.01")
    with connected(start_channel(running.server.address)) as connection:
        stub = transmission_pb2_grpc.TransmissionServiceStub(connection)
        assert stub.Transmit(transmit_request(loaded)).results.receiver
        status, line, _ = refused(lambda: stub.Transmit(transmit_request(loaded)))
        assert status == "RESOURCE_EXHAUSTED"
        assert line.startswith("0.01 requests per second are allowed to each client")


def test_requests_at_once_and_the_place_of_a_client_that_waits_no_more(
    running: Running, loaded: LoadedIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A packet that travels for a minute holds the only place, until its deadline."""
    monkeypatch.setenv("DSC_CHANNEL_MAX_REQUESTS_AT_ONCE", "1")
    monkeypatch.setenv("DSC_CHANNEL_MAX_LATENCY_MS", str(MINUTE_MS))
    with connected(start_channel(running.server.address)) as connection:
        stub = transmission_pb2_grpc.TransmissionServiceStub(connection)
        holding, status, line = None, "OK", ""
        while status == "OK":  # until the one that travels has come before the other
            if holding is None or holding.done():
                holding = stub.Transmit.future(transmit_request(loaded, MINUTE_MS), timeout=5.0)
            try:
                stub.Transmit(transmit_request(loaded), timeout=60)
            except grpc.RpcError as error:
                status, line = error.code().name, error.details()
        assert (status, line) == (
            "RESOURCE_EXHAUSTED",
            "1 request is under way, as many as are allowed at once",
        )
        assert is_alive(connection)
        assert holding is not None
        assert holding.exception(timeout=60).code() is grpc.StatusCode.DEADLINE_EXCEEDED
        # Within the minute, or this call would meet the first one and fail.
        assert _until_taken(
            lambda left_s: stub.Transmit(transmit_request(loaded), timeout=left_s)
        ).results.receiver


def _until_taken(call: Callable[[float], Any]) -> Any:
    """The answer as a device gets it, which asks again after the time that the service asks for."""
    return call_again_blocking(call, 60.0, np.random.default_rng(0))


def test_requests_that_would_wait_too_long_for_a_thread(
    system: System, loaded: LoadedIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DSC_SERVER_THREADS", "1")
    monkeypatch.setenv("DSC_SERVER_MAX_QUEUE_S", "0.02")
    monkeypatch.setenv("DSC_SERVER_MAX_REQUESTS_PER_S", "0")
    request = retrieve_request(loaded, 8)
    with connected(start_server(system.index)) as connection:
        stub = retrieval_pb2_grpc.RetrievalServiceStub(connection)
        errors: list[Any] = []
        for _ in range(100):
            wave = [stub.Retrieve.future(request, timeout=60) for _ in range(64)]
            errors = [error for error in (answer.exception() for answer in wave) if error is not None]
            assert len(errors) < len(wave)  # as many as are threads are always taken
            if errors:
                break
        assert errors, "nothing was refused"
        for error in errors:
            assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
            assert error.details().startswith(("the wait for a free thread is ", "requests wait "))
            assert call_error(error, Peer("server", "h:1")).retry_after_s > 0  # type: ignore[attr-defined]
        assert _until_taken(lambda left_s: stub.Retrieve(request, timeout=left_s)).results.receiver
