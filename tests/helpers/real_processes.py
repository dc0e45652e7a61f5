"""The system of the integration tests: commands and services as processes, and the same queries offline."""

import json
import math
import subprocess
import time
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from dsc.v1 import packet_pb2
from dsc_channel.reporting import report
from dsc_channel.transmission import transmit
from dsc_common.features.extraction import Extraction
from dsc_common.features.extractor import Extractor
from dsc_common.packet.bits import bits_from_numbers, bytes_from_bits
from dsc_common.packet.packing import check_of, pack
from dsc_common.radio.link import LinkSettings
from dsc_common.retrieval.options import Ranking, RetrievalOptions
from dsc_common.wire.packet import format_to_proto
from dsc_demo.processes import ServiceProcess, python_module
from dsc_device.encoding import encode
from dsc_device.querying import request_id_of
from dsc_server.index.files import LoadedIndex, read_index
from dsc_server.retrieval import retrieve

COMMAND_LIMIT_S = 120.0


@dataclass(frozen=True)
class System:
    """What the integration tests share: photos, held-out queries, a model, an index of the photos."""

    photos: Path
    queries: list[Path]
    model: Path
    index: Path


@dataclass(frozen=True)
class Running:
    """A server and a channel in front of it, each a process of its own."""

    server: ServiceProcess
    channel: ServiceProcess


def run(module: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run a command of the project to its end; its output is text."""
    command = python_module(module, *arguments)
    return subprocess.run(command, capture_output=True, text=True, timeout=COMMAND_LIMIT_S, check=False)


def start_server(index: Path, *options: str | Path) -> ServiceProcess:
    """A server process on a free port; `with` starts it."""
    arguments = ("serve", "--index", index, "--listen", "127.0.0.1:0", *options)
    return ServiceProcess("server", python_module("dsc_server", *arguments))


def start_channel(server: str, *options: str | Path) -> ServiceProcess:
    """A channel process on a free port; `with` starts it."""
    arguments = ("serve", "--listen", "127.0.0.1:0", "--server", server, *options)
    return ServiceProcess("channel", python_module("dsc_channel", *arguments))


def wait_for_line(service: ServiceProcess, part: str) -> str:
    """The first line on a service's stderr that has a part; it may still be on its way."""
    deadline = time.monotonic() + COMMAND_LIMIT_S
    while time.monotonic() < deadline:
        for line in service.stderr_lines:
            if part in line:
                return line
        time.sleep(0.01)
    raise AssertionError(f"no line with {part!r} in {service.stderr_lines}")


def json_lines(text: str) -> list[dict[str, Any]]:
    """The objects of JSON lines."""
    return [json.loads(line) for line in text.splitlines()]


def only_line(text: str) -> str:
    """The one line of a text; fails when there are more, or none."""
    lines = text.splitlines()
    assert len(lines) == 1, text
    return lines[0]


def packet_of(loaded: LoadedIndex, labels: list[int], version: str | None = None) -> packet_pb2.Packet:
    """A packet with any labels at all, their check bits, and codes of zero."""
    fmt = loaded.index.format
    message = bits_from_numbers(np.array(labels), fmt.label_bits)
    head = bytes_from_bits(np.concatenate([message, check_of(message, fmt)]))
    return packet_pb2.Packet(
        data=head.ljust(fmt.packet_bytes, b"\0"),
        format=format_to_proto(fmt),
        codebook_version=version or loaded.manifest.codebook_version,
    )


def offline(
    system: System,
    photo: Path,
    link: LinkSettings,
    ranking: Ranking | None = None,
    receiver: str | None = None,
) -> dict[str, Any]:
    """The same query by function calls alone: no process, no network."""
    loaded, extraction = _index(system.index), _extraction(system.model, photo)
    fmt = loaded.index.format
    spec = loaded.manifest.spec
    packet = encode(
        extraction.feature,
        extraction.probabilities,
        loaded.index.codebook,
        fmt,
        spec.head_rule,
        sequential=spec.sequential,
    )
    data = pack(packet, fmt)
    signals = [transmit(data, fmt, link, request_id_of(photo))]
    options = RetrievalOptions(top=7, ranking=ranking, receiver=receiver)
    results = retrieve(loaded.index, loaded.catalogue, signals, options)
    became = report(data, fmt, link, signals, results.head)
    return {
        "query": str(photo),
        "packet": data.hex(),
        "head": packet.labels.tolist(),
        "results": [vars(image) for image in results.images],
        "candidates": results.num_candidates,
        "head_received": results.head,
        "notices": results.notices,
        "receiver": results.receiver,
        "confidence": results.confidence,
        "low_confidence": results.low_confidence,
        "link": vars(became) | {"snr_db": "inf" if link.snr_db == math.inf else link.snr_db},
    }


@lru_cache(maxsize=2)
def _index(path: Path) -> LoadedIndex:
    """Read once; no test changes an index that it asks."""
    return read_index(path)


@lru_cache
def _extraction(model: Path, photo: Path) -> Extraction:
    return Extractor.from_file(model).extract(photo)
