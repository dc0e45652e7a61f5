"""Helpers of the integration tests: commands and services as processes of their own."""

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from dsc.v1 import packet_pb2
from dsc_common import wire
from dsc_common.bits import bits_from_numbers, bytes_from_bits
from dsc_demo.processes import ServiceProcess, python_module
from dsc_server.index_files import LoadedIndex

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


def json_lines(text: str) -> list[dict[str, Any]]:
    """The objects of JSON lines."""
    return [json.loads(line) for line in text.splitlines()]


def only_line(text: str) -> str:
    """The one line of a text; fails when there are more, or none."""
    lines = text.splitlines()
    assert len(lines) == 1, text
    return lines[0]


def packet_of(loaded: LoadedIndex, labels: list[int], version: str | None = None) -> packet_pb2.Packet:
    """A packet with any labels at all and codes of zero."""
    fmt = loaded.index.format
    head = bytes_from_bits(bits_from_numbers(np.array(labels), fmt.label_bits))
    return packet_pb2.Packet(
        data=head.ljust(fmt.packet_bytes, b"\0"),
        format=wire.format_to_proto(fmt),
        codebook_version=version or loaded.manifest.codebook_version,
    )
