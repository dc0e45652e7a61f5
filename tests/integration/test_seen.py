"""Real processes are seen: one query in three logs, metrics over HTTP, NOT_SERVING before the end."""

import json
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
import trustme

from dsc_demo.processes import ServiceProcess
from helpers.real_processes import Running, System, run, start_channel, start_server
from helpers.scraping import fetch, metrics_url, names, samples

DEPLOY = Path(__file__).parents[2] / "deploy"
SEEN = ("--metrics", "127.0.0.1:0", "--log-format", "json", "--log-level", "info")
TRACEPARENT = ("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")


@pytest.fixture(scope="module")
def seen(system: System, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Running, Path]]:
    """Server, with TLS, and channel, both seen; and the file of the CA."""
    folder = tmp_path_factory.mktemp("tls")
    authority = trustme.CA()
    issued = authority.issue_cert("127.0.0.1")
    issued.private_key_pem.write_to_path(folder / "key.pem")
    issued.cert_chain_pems[0].write_to_path(folder / "server.pem")
    authority.cert_pem.write_to_path(folder / "ca.pem")
    tls = ("--tls-certificate", folder / "server.pem", "--tls-key", folder / "key.pem")
    with (
        start_server(system.index, *SEEN, *tls) as server,
        start_channel(server.address, *SEEN, "--server-tls-ca", folder / "ca.pem") as channel,
    ):
        yield Running(server, channel), folder / "ca.pem"


def query(seen: tuple[Running, Path], cache: Path, photo: Path, *options: str) -> list[dict[str, Any]]:
    """Lines of the device's log of one query."""
    running, authority = seen
    places = ("--server", running.server.address, "--channel", running.channel.address, "--cache", cache)
    log = ("--log-format", "json", "--log-level", "info", "--server-tls-ca", authority)
    done = run("dsc_device", "query", photo, "--json", *places, *log, *options)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stderr.splitlines()]


def requests_in(process: ServiceProcess, trace_id: str) -> list[dict[str, Any]]:
    """The lines of a trace, from the first on: it is written before the answer, and read by a thread."""
    while not (found := [line for line in process.stderr_lines if trace_id in line]):
        time.sleep(0.001)
    return [json.loads(line) for line in found]


def test_one_grep_follows_a_query_through_three_processes(
    seen: tuple[Running, Path], system: System, cache: Path
) -> None:
    photo = system.queries[0]
    running, _ = seen
    noisy = ("--policy", "resend", "--snr-db=-8", "--latency-ms", "1")
    (device,) = query(seen, cache, photo, "--request-id", "bad\nid", *noisy)
    (channel,) = requests_in(running.channel, device["trace_id"])
    servers = requests_in(running.server, device["trace_id"])
    assert [line["role"] for line in (device, channel, *servers)][:3] == ["device", "channel", "server"]
    assert {line["request_id"] for line in (device, channel, *servers)} == {"bad\nid"}
    assert channel["parent_id"] == device["span_id"]
    assert {line["parent_id"] for line in servers} == {channel["span_id"]}
    assert [line["signals"] for line in servers] == list(range(1, channel["transmissions"] + 1))
    assert channel["transmissions"] > 1
    assert list(servers[0]["steps_ms"]) == ["queue", "demodulate", "decode", "rank", "batch"]
    assert list(channel["steps_ms"]) == ["queue", "transmit", "latency", "server", "report"]
    steps = ["decode", "resize", "network", "extract", "encode", "round_trip", "server"]
    assert sorted(device["steps_ms"]) == sorted(steps)


def test_logs_name_no_photo_and_every_line_is_an_object(
    seen: tuple[Running, Path], system: System, cache: Path
) -> None:
    running, _ = seen
    lines = query(seen, cache, system.queries[1])
    logs = "\n".join([*map(json.dumps, lines), *running.server.stderr_lines, *running.channel.stderr_lines])
    assert all(json.loads(line) for line in logs.splitlines())
    assert system.queries[1].stem not in logs
    assert str(system.photos) not in logs


def test_all_that_alerts_and_dashboard_ask_for_is_exported(
    seen: tuple[Running, Path], system: System, cache: Path
) -> None:
    query(seen, cache, system.queries[2])
    running, _ = seen
    server, channel = (
        fetch(metrics_url(process.stderr_lines)) for process in (running.server, running.channel)
    )
    exported = names(server) | names(channel)
    panels = json.loads((DEPLOY / "grafana" / "dashboards" / "dsc.json").read_text())["panels"]
    asked = [target["expr"] for panel in panels for target in panel["targets"]]
    asked.append(re.sub("#.*", "", (DEPLOY / "prometheus" / "alerts.yml").read_text()))
    wanted = set(re.findall(r"\b(?:dsc|process)_[a-z_]+\b", "\n".join(asked)))
    assert len(wanted) > 30
    assert wanted - exported == set()
    shown = {name.removesuffix("_bucket").removesuffix("_sum").removesuffix("_count") for name in wanted}
    ours = {
        name
        for name in exported
        if name.startswith("dsc_") and not name.endswith(("_bucket", "_sum", "_count"))
    }
    assert ours - shown == set()


def test_metrics_agree_with_what_was_asked(seen: tuple[Running, Path], system: System, cache: Path) -> None:
    running, _ = seen
    urls = [metrics_url(process.stderr_lines) for process in (running.server, running.channel)]
    before = [samples(fetch(url)) for url in urls]
    query(seen, cache, system.queries[3], "--snr-db=inf")
    server, channel = (
        {series: value - old.get(series, 0) for series, value in samples(fetch(url)).items()}
        for url, old in zip(urls, before, strict=True)
    )
    assert server['dsc_requests_total{method="dsc.v1.RetrievalService/Retrieve",status="OK"}'] == 1
    assert channel['dsc_requests_total{method="dsc.v1.TransmissionService/Transmit",status="OK"}'] == 1
    assert server["dsc_candidates_count"] == server["dsc_confidence_count"] == server["dsc_signals_sum"] == 1
    assert (channel["dsc_transmissions_total"], channel["dsc_resends_total"]) == (1, 0)
    assert (channel["dsc_bits_sent_total"] > 0, channel["dsc_bit_errors_total"]) == (True, 0)
    for step in ("queue", "demodulate", "decode", "rank"):
        assert server[f'dsc_step_seconds_count{{step="{step}"}}'] == 1


def test_a_traceparent_that_is_none_begins_a_trace(seen: tuple[Running, Path]) -> None:
    running, _ = seen
    with grpc.insecure_channel(running.channel.address) as connection:
        call = connection.unary_unary("/dsc.v1.TransmissionService/Transmit")
        for value in (TRACEPARENT, ("traceparent", "00-x-y")):
            with pytest.raises(grpc.RpcError):
                call(b"", metadata=(value,), timeout=60)
    traced = requests_in(running.channel, TRACEPARENT[1].split("-")[1])
    assert [line["status"] for line in traced] == ["INVALID_ARGUMENT"]
