"""The main job across real processes gives what the offline core gives, in any order, at any concurrency."""

import math
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from dsc.v1 import packet_pb2, transmission_pb2, transmission_pb2_grpc
from dsc_common.features.extractor import Extractor
from dsc_common.packet.packing import pack
from dsc_common.radio.link import LinkChoice, LinkSettings
from dsc_common.retrieval.options import Ranking
from dsc_common.wire.channel import link_choice_to_proto
from dsc_common.wire.packet import format_to_proto
from dsc_device.encoding import encode
from dsc_server.index.files import LoadedIndex, read_index
from helpers.in_process import run
from helpers.real_processes import Running, System, json_lines, offline, start_channel


@pytest.mark.parametrize("snr_db", [math.inf, 8.0, 3.0])
@pytest.mark.parametrize("ranking", [Ranking.SQUARED_DISTANCE, Ranking.COSINE])
def test_the_running_system_and_the_offline_core_agree(
    system: System, ask: Any, ask_by_process: Any, snr_db: float, ranking: Ranking
) -> None:
    arguments = ("--snr-db", str(snr_db), "--seed", "7", "--top", "7", "--ranking", ranking, "--json")
    asked = ask_by_process if snr_db == 3.0 else ask
    answered = asked(*system.queries, *arguments)
    assert answered.returncode == 0, answered.stderr
    lines = json_lines(answered.stdout)
    assert len(lines) == len(system.queries)
    for line, photo in zip(lines, system.queries, strict=True):
        expected = offline(system, photo, LinkSettings(snr_db=snr_db, seed=7), ranking)
        assert {key: line[key] for key in expected} == expected
        steps = {"extract", "encode", "round_trip", "server"}
        assert set(line["timings_ms"]) == steps | {"decode", "resize", "network", "hash"}


def test_without_noise_the_query_s_scene_is_found(system: System, ask: Any) -> None:
    lines = json_lines(ask(*system.queries, "--snr-db", "inf", "--json").stdout)
    found = [{result["image_id"].split("/")[1].split("-")[0] for result in line["results"]} for line in lines]
    right = [Path(line["query"]).stem in scenes for line, scenes in zip(lines, found, strict=True)]
    assert sum(right) >= len(right) // 2  # a random network, but not a blind one
    for line in lines:
        assert line["link"]["bit_errors"] == 0
        assert line["link"]["head_ok"] is True


def test_text_output_names_the_labels_and_the_images(system: System, ask: Any) -> None:
    answered = ask(system.queries[0], "--snr-db", "inf", "--top", "3")
    assert answered.returncode == 0
    assert "bits wrong, head right" in answered.stdout
    assert answered.stdout.count("photos/") == 3


def _request(loaded: LoadedIndex, data: bytes, request_id: str) -> transmission_pb2.TransmitRequest:
    return transmission_pb2.TransmitRequest(
        request_id=request_id,
        packet=packet_pb2.Packet(
            data=data,
            format=format_to_proto(loaded.index.format),
            codebook_version=loaded.manifest.codebook_version,
        ),
        channel=link_choice_to_proto(LinkChoice(snr_db=4.0, seed=1)),
    )


def test_results_do_not_depend_on_concurrency_or_order(system: System, running: Running) -> None:
    loaded = read_index(system.index)
    extractor = Extractor.from_file(system.model)
    fmt = loaded.index.format
    requests = []
    for photo in system.queries:
        extraction = extractor.extract(photo)
        packet = encode(extraction.feature, extraction.probabilities, loaded.index.codebook, fmt)
        requests += [_request(loaded, pack(packet, fmt), f"{photo.name}#{number}") for number in range(5)]
    with grpc.insecure_channel(running.channel.address) as connection:
        stub = transmission_pb2_grpc.TransmissionServiceStub(connection)

        def send(request: transmission_pb2.TransmitRequest) -> transmission_pb2.TransmitResponse:
            response = stub.Transmit(request, timeout=30)
            response.results.server_ms = 0
            return response

        one_by_one = [send(request) for request in requests]
        with ThreadPoolExecutor(16) as pool:
            backwards = list(pool.map(send, reversed(requests)))
    assert backwards == one_by_one[::-1]
    assert len({bytes(str(response), "utf-8") for response in one_by_one}) > len(system.queries)


def test_health_and_reflection_answer(running: Running) -> None:
    for address, service in (
        (running.server.address, "dsc.v1.RetrievalService"),
        (running.server.address, "dsc.v1.CodebookService"),
        (running.channel.address, "dsc.v1.TransmissionService"),
    ):
        with grpc.insecure_channel(address) as connection:
            health = health_pb2_grpc.HealthStub(connection)
            for name in ("", service):
                reply = health.Check(health_pb2.HealthCheckRequest(service=name), timeout=10)
                assert reply.status == health_pb2.HealthCheckResponse.SERVING
            watch = health.Watch(health_pb2.HealthCheckRequest(service=service), timeout=10)
            assert next(iter(watch)).status == health_pb2.HealthCheckResponse.SERVING
            watch.cancel()


def test_channel_settings_serve_requests_that_do_not_choose(
    system: System, running: Running, cache: Path
) -> None:
    with start_channel(running.server.address, "--snr-db", "2.5", "--seed", "9") as channel:
        places = ("--server", running.server.address, "--channel", channel.address, "--cache", cache)
        answered = run("dsc_device", "query", system.queries[0], "--json", *places)
    (line,) = json_lines(answered.stdout)
    expected = offline(system, system.queries[0], LinkSettings(snr_db=2.5, seed=9))
    assert line["link"] == expected["link"]
    assert line["packet"] == expected["packet"]
