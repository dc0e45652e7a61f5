"""Codebooks in parts over a network: the same packets and answers, and what a warm start transfers."""

from pathlib import Path

import pytest

from dsc_common.wire.codebook import manifest_to_proto
from dsc_server.index.files import read_index
from dsc_server.serving.downloads import Downloads
from helpers import in_process
from helpers.real_processes import Running, System, json_lines
from integration.test_device_persists import Relay

OVERHEAD_BYTES = 4000  # of HTTP/2, and of the health check when a connection is made


def ask(
    running: Running, relay: Relay, cache: Path, codebooks: str, *photos: Path
) -> list[dict[str, object]]:
    places = ("--server", relay.address, "--channel", running.channel.address, "--cache", cache)
    done = in_process.run("dsc_device", "query", *photos, *places, "--codebooks", codebooks, "--json")
    assert done.returncode == 0, done.stderr
    kept = ("query", "packet", "results", "confidence")
    return [{key: line[key] for key in kept} for line in json_lines(done.stdout)]


def test_packets_and_answers_are_the_same_whenever_the_codebook_comes(
    system: System, running: Running, tmp_path: Path
) -> None:
    with Relay(running.server.address) as relay:
        full, on_demand = (
            ask(running, relay, tmp_path / kind, kind, *system.queries) for kind in ("full", "on-demand")
        )
    assert full == on_demand
    files = {kind: {path.name for path in (tmp_path / kind).iterdir()} for kind in ("full", "on-demand")}
    assert files["on-demand"] <= files["full"]


@pytest.mark.parametrize("kind", ["full", "on-demand"])
def test_a_warm_start_transfers_the_manifest_alone(
    kind: str, system: System, running: Running, tmp_path: Path
) -> None:
    offer = manifest_to_proto(Downloads(read_index(system.index)).offer)
    with Relay(running.server.address) as relay:
        first = ask(running, relay, tmp_path, kind, system.queries[0])
        assert sum(relay.passed) > system.model.stat().st_size
        relay.passed.clear()
        assert ask(running, relay, tmp_path, kind, system.queries[0]) == first
        assert offer.ByteSize() < sum(relay.passed) < offer.ByteSize() + OVERHEAD_BYTES
