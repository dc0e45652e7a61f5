"""A device that is killed with SIGKILL at random points of a download: nothing is half-written.

`PYTHONPATH=tests python -m crash.sync_crashes --points 200` prints one line at the end, or what is wrong.

A point is a call that changes the cache: opening, writing, flushing, renaming, removing or touching a file. A
child process is killed just before one, the files are checked, and another child goes on in the same cache.
"""

import argparse
import hashlib
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from dsc_common.codebook.codebook import Codebook
from dsc_common.codebook.manifest import Manifest
from dsc_common.features.extraction import Extraction
from dsc_common.packet.format import PacketFormat
from dsc_common.serving.address import Peer
from dsc_device.client import CodebookClient
from dsc_device.codebooks.choice import Codebooks
from dsc_device.codebooks.download import fetch_encoder_kit
from dsc_device.codebooks.partial_file import PartialFile
from dsc_device.encoder_kit import EncoderKit
from helpers.examples import random_codebook
from helpers.fake_codebooks import FakeServer

K, M, WIDTH = 12, 2, 2
QUERY = Extraction(
    np.linspace(-1, 1, M * WIDTH, dtype=np.float32), np.linspace(0.2, 0.1, K, dtype=np.float32)
)
CHANGING = [
    (os, "open"),
    (os, "fsync"),
    (os, "utime"),
    (os, "unlink"),
    (os, "replace"),
    (PartialFile, "append"),
]


def codebook_of(seed: int) -> Codebook:
    """The codebook of one of two indexes."""
    return random_codebook(np.random.default_rng(seed), [1 + n % 5 for n in range(K)], M, WIDTH)


def server_of(seed: int) -> FakeServer:
    """A server that holds it."""
    server = FakeServer({}, Manifest("", "dsc-pq", PacketFormat(K, 5, M), M * WIDTH, 9, {}), piece_bytes=64)
    server.offer_in_parts(codebook_of(seed), str(seed))
    return server


def sync(server: FakeServer, cache: Path, kind: Codebooks) -> bytes:
    """Download what is missing, and the packet of the query."""
    client = CodebookClient(server, Peer("server", "example:50051"), 60)  # type: ignore[arg-type]
    return fetch_encoder_kit(client, cache, codebooks=kind).encode(QUERY).data


def in_child(task: Callable[[], None]) -> int:
    """The exit code of a process that does a task, or minus the signal that killed it."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            task()
            code = 0
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def before_each_change(happens: Callable[[], None]) -> None:
    """Call a function before each call that changes the cache."""
    for owner, name in CHANGING:
        setattr(owner, name, _preceded(getattr(owner, name), happens))


def _preceded(function: Callable[..., Any], happens: Callable[[], None]) -> Callable[..., Any]:
    def call(*arguments: Any, **options: Any) -> Any:
        happens()
        return function(*arguments, **options)

    return call


def killed_at(point: int, server: FakeServer, cache: Path, kind: Codebooks) -> int:
    """Exit code of a sync that is killed before its `point`-th change, if it makes so many."""
    left = point

    def count() -> None:
        nonlocal left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    def task() -> None:
        before_each_change(count)
        sync(server, cache, kind)

    return in_child(task)


def damaged_files(cache: Path) -> list[str]:
    """Names of files that are in place and are not what their names say."""
    whole = [path for path in cache.iterdir() if not path.name.startswith(".")] if cache.exists() else []
    return [path.name for path in whole if hashlib.sha256(path.read_bytes()).hexdigest() != path.stem]


def run(points: int, seed: int, folder: Path) -> list[str]:
    """Kill a device at so many points; lines on what is wrong."""
    rng = np.random.default_rng(seed)
    servers = [server_of(0), server_of(1)]
    expected = [
        EncoderKit(replace(server.manifest, parts=None), codebook_of(number), None).encode(QUERY).data
        for number, server in enumerate(servers)
    ]
    wrong, killed, cache = [], 0, folder / "cache"
    while killed < points:
        number, kind = int(rng.integers(2)), list(Codebooks)[int(rng.integers(2))]
        most = 90 if kind is Codebooks.FULL else 45  # changes of a sync into an empty cache
        code = killed_at(int(rng.integers(1, most)), servers[number], cache, kind)
        killed += code == -signal.SIGKILL
        if code not in (0, -signal.SIGKILL):
            wrong.append(f"after {killed} kills: exit code {code}")
        wrong += [f"after {killed} kills: {name} is damaged" for name in damaged_files(cache)]
        if code == 0 or rng.random() < 0.3:
            wrong += _goes_on(servers[number], cache, kind, expected[number], killed)
            shutil.rmtree(cache)
    return wrong


def _goes_on(server: FakeServer, cache: Path, kind: Codebooks, packet: bytes, killed: int) -> list[str]:
    def task() -> None:
        assert sync(server, cache, kind) == packet

    if in_child(task) == 0:
        return []
    return [f"after {killed} kills: the next run makes another packet, or none"]


def main() -> None:
    """Run and exit with 1 if something is wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--points", type=int, default=200, help="number of kills")
    parser.add_argument("--seed", type=int, default=0, help="seed of the points")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        wrong = run(given.points, given.seed, Path(folder))
    print("\n".join(wrong) or f"killed {given.points} times: no file is damaged, and each next run goes on")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
