"""The device goes on: a channel that is killed, a server with a new index, a network that cuts downloads."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import onnx
import pytest

from dsc_demo.processes import ChildProcess, ServiceProcess, python_module
from dsc_server.index.files import read_index
from helpers import in_process
from helpers.real_processes import Running, System, json_lines, start_channel, start_server

LIMIT_S = 60.0


def free_address() -> str:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return f"127.0.0.1:{probe.getsockname()[1]}"


def device(server: str, channel: str, cache: Path, *arguments: str | Path) -> ChildProcess:
    places = ("--server", server, "--channel", channel, "--cache", cache, "--json", "--wait-s", "60")
    return ChildProcess("device", python_module("dsc_device", "query", *places, *arguments))


def test_a_channel_that_is_killed_and_started_again_costs_no_answer(
    system: System, running: Running, tmp_path: Path
) -> None:
    address = free_address()
    many = [*system.queries, *system.queries]
    first = start_channel(running.server.address, "--listen", address).start()
    slowly = ("--latency-ms", "100")  # the channel is killed during a request
    with device(running.server.address, address, tmp_path, *many, *slowly) as asking:
        lines = asking.lines(LIMIT_S)
        answers = [next(lines)]
        first.send_signal(signal.SIGKILL)
        first.stop()
        with start_channel(running.server.address, "--listen", address):
            answers += list(lines)
            assert asking.wait(LIMIT_S) == 0, asking.stderr_lines
    assert [line["query"] for line in json_lines("\n".join(answers))] == [str(photo) for photo in many]


def test_a_server_with_a_new_index_costs_no_answer(system: System, tmp_path: Path) -> None:
    other = tmp_path / "other"
    options = ("--index", other, "--model", system.model, "--scheme", "dsc")
    assert in_process.run("dsc_server", "build", system.photos, *options).returncode == 0
    versions = {read_index(index).manifest.codebook_version for index in (system.index, other)}
    assert len(versions) == 2
    address = free_address()
    with contextlib.ExitStack() as stack:
        old = start_server(system.index, "--listen", address).start()
        channel = stack.enter_context(start_channel(address))
        relay = stack.enter_context(Relay(channel.address, held=True))
        asking = stack.enter_context(device(address, relay.address, tmp_path / "cache", *system.queries))
        assert relay.reached.wait(LIMIT_S)  # the device has the codebook
        old.stop()
        stack.enter_context(start_server(other, "--listen", address))
        relay.open.set()
        answers = json_lines("\n".join(asking.lines(LIMIT_S)))
        assert asking.wait(LIMIT_S) == 0, asking.stderr_lines
        assert asking.stderr_lines == ["note: the server has a new index; its codebook is used from here on"]
    assert [line["query"] for line in answers] == list(map(str, system.queries))


class Relay:
    """A relay of TCP connections, each cut (or stalled) once it has brought back a number of bytes."""

    def __init__(
        self, target: str, most_bytes: int = 1 << 40, *, held: bool = False, stalls: bool = False
    ) -> None:
        host, port = target.split(":")
        self._target, self._most_bytes = (host, int(port)), most_bytes
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self.passed: list[int] = []  # bytes that each connection has brought back
        self.reached, self.open, self.stalled = (threading.Event() for _ in range(3))
        self._stalls, self._ended = stalls, threading.Event()
        if not held:
            self.open.set()

    def __enter__(self) -> "Relay":
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._ended.set()
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                self.reached.set()
                self.open.wait()
                far = socket.create_connection(self._target)
                threading.Thread(target=self._forward, args=(near, far), daemon=True).start()
                threading.Thread(target=self._bring_back, args=(far, near), daemon=True).start()

    def _forward(self, source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(16_384):
                sink.sendall(data)
        _cut(source, sink)

    def _bring_back(self, source: socket.socket, sink: socket.socket) -> None:
        number, left = len(self.passed), self._most_bytes
        self.passed.append(0)
        with contextlib.suppress(OSError):
            while left and (data := source.recv(min(16_384, left))):
                sink.sendall(data)
                self.passed[number] += len(data)
                left -= len(data)
        if self._stalls and not left:
            self.stalled.set()
            self._ended.wait()
        _cut(source, sink)


def _cut(*ends: socket.socket) -> None:
    for end in ends:
        with contextlib.suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)


@pytest.fixture(scope="module")
def large(system: System, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An index whose model has 3 MB."""
    folder = tmp_path_factory.mktemp("large")
    model = onnx.load(system.model)
    entry = model.metadata_props.add()
    entry.key, entry.value = "padding", os.urandom(1_500_000).hex()
    onnx.save(model, folder / "model.onnx")
    options = ("--index", folder / "index", "--model", folder / "model.onnx", "--scheme", "dsc-pq")
    assert in_process.run("dsc_server", "build", system.photos, *options).returncode == 0
    return folder / "index"


@pytest.fixture(scope="module")
def serving_large(large: Path) -> Iterator[ServiceProcess]:
    with start_server(large) as server:
        yield server


@pytest.fixture(scope="module")
def channel_to_large(serving_large: ServiceProcess) -> Iterator[ServiceProcess]:
    with start_channel(serving_large.address) as channel:
        yield channel


def test_a_download_arrives_over_connections_that_are_cut(
    system: System, serving_large: ServiceProcess, channel_to_large: ServiceProcess, tmp_path: Path
) -> None:
    with (
        Relay(serving_large.address, 1_000_000) as relay,
        device(relay.address, channel_to_large.address, tmp_path, system.queries[0]) as asking,
    ):
        assert asking.wait(LIMIT_S) == 0, asking.stderr_lines
    assert relay.passed.count(1_000_000) >= 3  # none of them could bring the whole model
    assert whole_files_in(tmp_path)


def test_a_killed_download_is_continued_by_the_next_run(
    system: System, serving_large: ServiceProcess, channel_to_large: ServiceProcess, tmp_path: Path
) -> None:
    whole = tmp_path / "whole"
    places = ("--server", serving_large.address, "--channel", channel_to_large.address, "--cache", whole)
    assert in_process.run("dsc_device", "query", *places, system.queries[0]).returncode == 0
    (model,) = whole.glob("*.model")
    killed = tmp_path / "killed"
    shutil.copytree(whole, killed)
    (killed / model.name).rename(killed / f".{model.name}.{os.getuid()}.partial")
    partial = killed / f".{model.name}.{os.getuid()}.partial"
    os.truncate(partial, 2_600_000)
    with (
        Relay(serving_large.address) as relay,
        device(relay.address, channel_to_large.address, killed, system.queries[0]) as asking,
    ):
        assert asking.wait(LIMIT_S) == 0
    assert sum(relay.passed) < 600_000
    assert {path.name for path in killed.iterdir()} == {path.name for path in whole.iterdir()}
    assert (killed / model.name).read_bytes() == model.read_bytes()


def whole_files_in(cache: Path) -> bool:
    """Whether a cache holds a model, C and some R^i, and nothing that is half-written."""
    suffixes = [path.suffix for path in cache.iterdir()]
    rest = sorted(suffix for suffix in suffixes if suffix != ".words")
    return rest == [".codewords", ".model"] and 1 <= suffixes.count(".words") <= 5


def _wait_for_bytes(folder: Path, pattern: str) -> None:
    ends = time.monotonic() + LIMIT_S
    while not any(path.stat().st_size for path in folder.glob(pattern)):
        assert time.monotonic() < ends
        time.sleep(0.01)


def test_an_interrupted_download_is_one_line_and_stays_for_the_next_run(
    system: System, serving_large: ServiceProcess, tmp_path: Path
) -> None:
    with (
        Relay(serving_large.address, 1_000_000, stalls=True) as relay,
        device(relay.address, serving_large.address, tmp_path, system.queries[0]) as asking,
    ):
        assert relay.stalled.wait(LIMIT_S)
        _wait_for_bytes(tmp_path, ".*.model.*.partial")  # the device may be behind the relay
        asking.send_signal(signal.SIGHUP)
        assert asking.wait(LIMIT_S) == 1
        assert asking.stderr_lines == ["error: interrupted"]
    (partial,) = tmp_path.glob(".*.model.*.partial")
    assert partial.stat().st_size > 0


def test_a_server_that_sends_no_more_is_named(
    system: System, serving_large: ServiceProcess, tmp_path: Path
) -> None:
    with (
        Relay(serving_large.address, 1_000_000, stalls=True) as relay,
        device(
            relay.address, serving_large.address, tmp_path, system.queries[0], "--wait-s", "0.5"
        ) as asking,
    ):
        assert asking.wait(LIMIT_S) == 1
        assert asking.stderr_lines[-1] == f"error: server at {relay.address} sent nothing for 0.5 s"


def test_two_devices_at_once_download_once(
    system: System, serving_large: ServiceProcess, channel_to_large: ServiceProcess, tmp_path: Path
) -> None:
    with (
        Relay(serving_large.address) as relay,
        device(relay.address, channel_to_large.address, tmp_path, system.queries[0]) as one,
        device(relay.address, channel_to_large.address, tmp_path, system.queries[0]) as other,
    ):
        assert (one.wait(LIMIT_S), other.wait(LIMIT_S)) == (0, 0)
    assert sum(relay.passed) < 4_500_000
    assert whole_files_in(tmp_path)


def test_a_cache_without_room_is_named(system: System, running: Running, tmp_path: Path) -> None:
    command = python_module(
        *("dsc_device", "query", system.queries[0], "--server", running.server.address),
        *("--channel", running.channel.address, "--cache", tmp_path / "cache"),
    )
    limited = [shutil.which("bash") or "bash", "-c", 'ulimit -f 1; trap "" XFSZ; exec "$@"', "bash", *command]
    done = subprocess.run(limited, capture_output=True, text=True, timeout=LIMIT_S, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith(f"error: File too large: {tmp_path / 'cache'}/.")
    assert done.stderr.count("\n") == 1
    assert not [path for path in (tmp_path / "cache").iterdir() if path.stat().st_size > 1024]
