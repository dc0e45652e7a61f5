"""Every choice of the link across real processes: what it does, that it is echoed, and what is refused."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import grpc
import pytest

from dsc.v1 import channel_pb2, retrieval_pb2, retrieval_pb2_grpc, transmission_pb2, transmission_pb2_grpc
from dsc_common.radio.fec import Fec
from dsc_common.radio.link import Fading, HeadProtection, LinkSettings
from dsc_common.radio.modes import SPECS, Mode
from dsc_server.index.files import LoadedIndex, read_index
from helpers.in_process import run, server_and_channel
from helpers.real_processes import (
    Running,
    System,
    json_lines,
    offline,
    only_line,
    packet_of,
    start_channel,
)


@pytest.fixture(scope="module")
def loaded(system: System) -> LoadedIndex:
    return read_index(system.index)


class DoubtfulServer(retrieval_pb2_grpc.RetrievalServiceServicer):
    """Is not confident until three transmissions have arrived."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.counts: list[int] = []

    def Retrieve(self, request: Any, context: Any) -> retrieval_pb2.RetrieveResponse:
        count = len(request.signals)
        with self.lock:
            self.counts.append(count)
        results = retrieval_pb2.RankedResults(low_confidence=count < 3, confidence=count / 4)
        return retrieval_pb2.RetrieveResponse(results=results)


@pytest.fixture
def doubtful() -> Iterator[tuple[DoubtfulServer, str]]:
    servicer = DoubtfulServer()
    with ThreadPoolExecutor(4) as pool:
        server = grpc.server(pool)
        retrieval_pb2_grpc.add_RetrievalServiceServicer_to_server(servicer, server)
        port = server.add_insecure_port("127.0.0.1:0")
        server.start()
        yield servicer, f"127.0.0.1:{port}"
        server.stop(0).wait()


def test_a_packet_is_sent_again_until_the_server_is_confident(
    loaded: LoadedIndex, doubtful: tuple[DoubtfulServer, str]
) -> None:
    servicer, address = doubtful
    request = transmission_pb2.TransmitRequest(packet=packet_of(loaded, [1, 2, 3, 4, 5]))
    request.retrieval.policy = retrieval_pb2.POLICY_RESEND
    uses = 8 * loaded.index.format.packet_bytes
    with start_channel(address, "--resends", "4") as channel, grpc.insecure_channel(channel.address) as link:
        stub = transmission_pb2_grpc.TransmissionServiceStub(link)
        answer = stub.Transmit(request, timeout=60)
        assert servicer.counts == [1, 2, 3]
        assert (answer.link.transmissions, answer.link.lost, answer.link.erased) == (3, 0, False)
        assert (answer.link.channel_uses, answer.link.uses, answer.link.energy) == (3 * uses, uses, 3 * uses)
        assert (answer.results.low_confidence, answer.results.confidence) == (False, 0.75)
        request.channel.resends = 1
        answer = stub.Transmit(request, timeout=60)
        assert (answer.link.transmissions, answer.results.low_confidence) == (2, True)
        request.retrieval.policy = retrieval_pb2.POLICY_RETURN
        assert stub.Transmit(request, timeout=60).link.transmissions == 1


def test_a_lost_packet_is_an_answer_that_says_so(system: System, ask: Any) -> None:
    asked = ask(system.queries[0], "--erasure-rate", "1", "--policy", "resend", "--resends", "2", "--json")
    assert asked.returncode == 0, asked.stderr
    (line,) = json_lines(asked.stdout)
    assert (line["results"], line["head_received"], line["low_confidence"]) == ([], [], True)
    assert line["notices"] == ["the packet was sent 3 times and did not arrive: nothing reached the server"]
    link = line["link"]
    assert (link["erased"], link["transmissions"], link["lost"], link["head_ok"]) == (True, 3, 3, False)


def test_losses_follow_the_order_of_the_photos_and_nothing_else(system: System, ask: Any) -> None:
    options = ("--erasure-rate", "0.5", "--seed", "2", "--json")
    lines = json_lines(ask(*system.queries, *options).stdout)
    erased = [line["link"]["erased"] for line in lines]
    assert 0 < sum(erased) < len(erased)
    backwards = json_lines(ask(*reversed(system.queries), *options).stdout)
    assert [line["link"]["erased"] for line in backwards] == erased


LINKS = [
    LinkSettings(Mode.QPSK, 6.0, 3),
    LinkSettings(Mode.QAM16, 12.0, 3, uses=300, fec=Fec.REPETITION),
    LinkSettings(Mode.QAM64, 20.0, 3, head_protection=HeadProtection.IDEAL),
    LinkSettings(Mode.QAM256, 24.0, 3, fading=Fading.RAYLEIGH, fading_block_uses=10),
    LinkSettings(Mode.PAM256, 40.0, 3),
    LinkSettings(Mode.INTEGER, 3.0, 3),
    LinkSettings(Mode.BPSK, 4.0, 3, fading=Fading.RICIAN, rician_k_db=3.0, channel_knowledge=False),
]


@pytest.mark.parametrize("link", LINKS, ids=lambda link: str(link.mode))
def test_every_mode_online_and_offline_agree(system: System, ask: Any, link: LinkSettings) -> None:
    known = "--channel-knowledge" if link.channel_knowledge else "--no-channel-knowledge"
    asked = ask(
        *system.queries[:3],
        *("--mode", link.mode, "--snr-db", str(link.snr_db), "--seed", "3", "--top", "7", "--json"),
        *("--fec", link.fec, "--uses", str(link.uses), "--fading", link.fading, known),
        *("--fading-block-uses", str(link.fading_block_uses), "--rician-k-db", str(link.rician_k_db)),
        *("--head-protection", link.head_protection),
    )
    assert asked.returncode == 0, asked.stderr
    for line, photo in zip(json_lines(asked.stdout), system.queries, strict=False):
        expected = offline(system, photo, link)
        assert {key: line[key] for key in expected} == expected
        assert line["link"]["snr_definition"] == SPECS[link.mode].snr_definition


def refusal(address: str, request: transmission_pb2.TransmitRequest) -> str:
    with grpc.insecure_channel(address) as connection:
        stub = transmission_pb2_grpc.TransmissionServiceStub(connection)
        with pytest.raises(grpc.RpcError) as caught:
            stub.Transmit(request, timeout=30)
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    said: str = caught.value.details()
    return said


def test_choices_that_cannot_be_are_refused_with_one_line(loaded: LoadedIndex, running: Running) -> None:
    size = loaded.index.format.packet_bytes
    options = channel_pb2.ChannelOptions
    refused = [
        (options(mode=99), "expected a mode among bpsk, qpsk, "),
        (
            options(uses=8 * size - 1),
            f"expected at least {8 * size} uses for a packet of {size} bytes with bpsk",
        ),
        (options(uses=8 * size + 1), "without error correction"),
        (options(mode=channel_pb2.MODE_PAM256, fec=channel_pb2.FEC_REPETITION), "error correction none"),
        (options(mode=channel_pb2.MODE_ANALOG), "expected a packet with payload feature"),
        (options(uses=5000), "expected uses from 0 to 4096, got 5000"),
        (options(snr_db=float("nan")), "expected an SNR from -100 to 100 dB, or inf, got nan"),
        (options(resends=17), "expected up to 16 resends on this channel, got 17"),
        (options(latency_ms=1e5), "expected up to 10000 ms of latency on this channel, got 100000"),
    ]
    for chosen, line in refused:
        request = transmission_pb2.TransmitRequest(packet=packet_of(loaded, [1, 2, 3, 4, 5]), channel=chosen)
        assert line in refusal(running.channel.address, request)
    with grpc.insecure_channel(running.channel.address) as connection:  # the channel goes on
        stub = transmission_pb2_grpc.TransmissionServiceStub(connection)
        good = transmission_pb2.TransmitRequest(packet=packet_of(loaded, [1, 2, 3, 4, 5]))
        assert stub.Transmit(good, timeout=30).link.transmissions == 1


def test_a_mode_that_the_channel_does_not_allow(loaded: LoadedIndex, running: Running) -> None:
    request = transmission_pb2.TransmitRequest(packet=packet_of(loaded, [1, 2, 3, 4, 5]))
    request.channel.mode = channel_pb2.MODE_QAM16
    with start_channel(running.server.address, "--allowed-modes", "bpsk,qpsk") as channel:
        line = "expected a mode that this channel allows, bpsk, qpsk, got qam16"
        assert refusal(channel.address, request) == line
    done = run(
        *("dsc_channel", "serve", "--listen", "127.0.0.1:0", "--server", running.server.address),
        *("--allowed-modes", "qpsk"),
    )
    assert done.returncode == 2
    assert only_line(done.stderr) == "error: expected a mode that this channel allows, qpsk, got bpsk"


@pytest.mark.parametrize("mode", [Mode.ANALOG, Mode.HYBRID, Mode.BPSK])
def test_a_feature_goes_uncoded_or_as_bits(system: System, tmp_path: Path, mode: Mode) -> None:
    index = tmp_path / "index"
    built = run(
        *("dsc_server", "build", system.photos, "--index", index, "--model", system.model),
        *("--scheme", "dsc-raw"),
    )
    assert built.returncode == 0, built.stderr
    link = LinkSettings(mode, 9.0, 2)
    with server_and_channel(index) as (server, channel):
        asked = run(
            *("dsc_device", "query", *system.queries[:4], "--server", server, "--channel", channel),
            *("--cache", tmp_path / "cache"),
            *("--mode", mode, "--snr-db", "9", "--seed", "2", "--top", "7", "--json"),
        )
    assert asked.returncode == 0, asked.stderr
    for line, photo in zip(json_lines(asked.stdout), system.queries, strict=False):
        expected = offline(replace(system, index=index), photo, link)
        assert {key: line[key] for key in expected} == expected
        assert line["link"]["bits_sent"] < line["link"]["channel_uses"] or mode is Mode.BPSK


def test_ldpc_gives_the_same_at_any_concurrency(system: System, loaded: LoadedIndex) -> None:
    pytest.importorskip("sionna.phy.fec")
    requests = []
    for number in range(24):
        request = transmission_pb2.TransmitRequest(
            packet=packet_of(loaded, [1, 2, 3, 4, 5]), request_id=f"{number}"
        )
        request.channel.fec, request.channel.uses = channel_pb2.FEC_LDPC, 700
        request.channel.snr_db = -2.5
        requests.append(request)
    with (
        server_and_channel(system.index) as (_, channel),
        grpc.insecure_channel(channel) as connection,
    ):
        stub = transmission_pb2_grpc.TransmissionServiceStub(connection)

        def ask(request: transmission_pb2.TransmitRequest) -> transmission_pb2.TransmitResponse:
            response = stub.Transmit(request, timeout=240)
            response.results.server_ms = 0
            return response

        one_by_one = [ask(request) for request in requests]
        with ThreadPoolExecutor(8) as pool:
            backwards = list(pool.map(ask, reversed(requests)))
    assert backwards == one_by_one[::-1]
    assert {response.link.uses for response in one_by_one} == {700}
