"""The device with a queue, as users run it: without a link, killed, with another index, stopped."""

import contextlib
import json
import os
import shutil
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dsc_demo.processes import ChildProcess, python_module
from helpers import in_process
from helpers.real_processes import System, json_lines
from integration.test_device_persists import free_address

LIMIT_S = 60.0
WAIT_S = "3"  # enough for an answer on a busy machine, and little without a link


class Device:
    """A device with a folder of photos, and the addresses of its services."""

    def __init__(self, folder: Path) -> None:
        self.server, self.channel = free_address(), free_address()
        self.photos, self.results = folder / "photos", folder / "results.jsonl"
        self.photos.mkdir()
        self._places = ("--server", self.server, "--channel", self.channel, "--cache", str(folder / "cache"))
        self._queue = ("--state", str(folder / "state"), "--results", str(self.results))

    def watching(self, wait_s: str = WAIT_S) -> ChildProcess:
        words = ("watch", str(self.photos), *self._places, *self._queue, "--wait-s", wait_s)
        return ChildProcess("device", python_module("dsc_device", *words))

    def run(self, command: str, *words: str | Path, wait_s: str = "60") -> Any:
        places = (*self._places, *self._queue, "--wait-s", wait_s)
        return in_process.run("dsc_device", command, *places, *words)

    @property
    def info(self) -> dict[str, Any]:
        description: dict[str, Any] = json.loads(
            in_process.run("dsc_device", "info", "--json", *self._places, *self._queue).stdout
        )
        return description

    @property
    def answered(self) -> list[str]:
        text = self.results.read_text() if self.results.exists() else ""
        lines = json_lines(text)
        assert not [line for line in lines if "error" in line]
        return [Path(line["query"]).name for line in lines]

    def put(self, *photos: Path) -> None:
        for photo in photos:
            shutil.copyfile(photo, self.photos / f".{photo.name}")
            (self.photos / f".{photo.name}").rename(self.photos / photo.name)

    def wait_until(self, condition: Any, process: ChildProcess) -> None:
        ends = time.monotonic() + LIMIT_S
        while not condition():
            assert time.monotonic() < ends, (process.stderr_lines, self.answered)
            assert process.returncode is None, process.stderr_lines
            time.sleep(0.05)

    @contextlib.contextmanager
    def services(self, index: Path) -> Iterator[None]:
        with in_process.server_and_channel(index, self.server, self.channel):
            yield


@pytest.fixture
def device(tmp_path: Path) -> Device:
    return Device(tmp_path)


@pytest.fixture(scope="module")
def other(system: System, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Another index of the same photos and network."""
    index = tmp_path_factory.mktemp("other") / "index"
    options = ("--index", index, "--model", system.model, "--scheme", "dsc")
    assert in_process.run("dsc_server", "build", system.photos, *options).returncode == 0
    return index


def test_photos_of_a_time_without_a_link_are_answered_once_by_the_index_of_then(
    system: System, other: Path, device: Device
) -> None:
    names = [photo.name for photo in system.queries]
    with device.services(system.index):
        done = device.run("sync")
        assert done.returncode == 0, done.stderr
        assert done.stderr.startswith("codebook ")
    first_version = device.info["codebook_version"]
    device.put(*system.queries[:2])
    with device.watching() as watching:  # starts without a link
        device.wait_until(lambda: device.info["queue"]["queries"] == 2, watching)
        device.put(system.queries[2])
        device.wait_until(lambda: device.info["queue"]["queries"] == 3, watching)
        watching.send_signal(signal.SIGKILL)
    assert device.answered == []
    with device.services(other), device.watching("60") as watching:
        device.wait_until(lambda: len(device.answered) == 3, watching)
        device.put(system.queries[3])
        device.wait_until(lambda: len(device.answered) == 4, watching)
        watching.send_signal(signal.SIGTERM)
        assert watching.wait(LIMIT_S) == 0, watching.stderr_lines
        assert watching.stderr_lines == []
    assert device.answered == names[:4]
    info = device.info
    assert info["codebook_version"] != first_version
    assert (info["queue"]["queries"], info["answered"], info["photos"]) == (0, 4, {"queued": 4})


def test_a_link_that_goes_and_comes_costs_no_answer(system: System, device: Device) -> None:
    names = [photo.name for photo in system.queries]
    device.put(system.queries[0])
    with device.watching() as watching:  # with an empty cache
        device.wait_until(lambda: len(watching.stderr_lines) == 1, watching)
        with device.services(system.index):
            device.wait_until(lambda: device.answered == names[:1], watching)
        device.put(system.queries[1])
        device.wait_until(lambda: len(watching.stderr_lines) % 2 and len(watching.stderr_lines) > 2, watching)
        with device.services(system.index):
            device.wait_until(lambda: device.answered == names[:2], watching)
        device.wait_until(lambda: "answered again" in watching.stderr_lines[-1], watching)
        away, again = watching.stderr_lines[::2], watching.stderr_lines[1::2]
        assert len(away) == len(again) >= 2
        assert all(line.startswith("note: no answers for now: ") for line in away)
        assert set(again) == {"note: queries are answered again"}
    assert device.info["answered"] == 2


def test_queries_without_a_link_wait_for_sync(system: System, device: Device, running: Any) -> None:
    photo = system.queries[0]
    places = ("--server", running.server.address, "--channel", running.channel.address)
    done = device.run("query", photo, "--queue", *places)
    assert (done.returncode, done.stderr, device.answered) == (0, "", [photo.name])
    away = ("--server", running.server.address, "--channel", free_address())
    done = device.run("query", *system.queries[:2], "--queue", *away, wait_s="0.2")
    assert done.returncode == 0
    assert done.stderr.startswith("note: channel at ")
    assert done.stderr.endswith("; in the queue for `dsc-device sync`: 2\n")
    assert device.info["queue"]["queries"] == 2
    done = device.run("sync", *places)
    assert done.returncode == 0, done.stderr
    assert device.answered == [photo.name, photo.name, system.queries[1].name]
    ids = [line["request_id"] for line in json_lines(device.results.read_text())]
    assert len(set(ids)) == 3
    assert ids[1] == f"{ids[0]}-2"


def test_the_packets_of_the_queue_are_those_of_the_photos_in_half_precision(
    system: System, device: Device, running: Any
) -> None:
    places = ("--server", running.server.address, "--channel", running.channel.address)
    direct = json_lines(device.run("query", *system.queries, "--json", *places).stdout)
    assert device.run("query", *system.queries, "--queue", *places).returncode == 0
    queued = json_lines(device.results.read_text())
    assert [line["head"] for line in queued] == [line["head"] for line in direct]
    assert [line["request_id"] for line in queued] == [line["request_id"] for line in queued]
    same = [one["packet"] == other["packet"] for one, other in zip(direct, queued, strict=True)]
    assert sum(same) >= len(same) - 2  # near ties may fall to the other side


def test_an_empty_photo_is_named_and_the_others_are_sent(
    system: System, device: Device, running: Any
) -> None:
    device.put(system.queries[0])
    (device.photos / "empty.png").touch()
    places = ("--server", running.server.address, "--channel", running.channel.address)
    done = device.run("watch", device.photos, "--once", *places)
    line = f"error: expected a photo, got an empty file: {device.photos / 'empty.png'}\n"
    assert (done.returncode, done.stderr) == (1, line)
    assert device.answered == [system.queries[0].name]


def test_what_is_ready_does_not_wait_for_a_writer(system: System, device: Device, running: Any) -> None:
    device.put(system.queries[0])
    places = ("--server", running.server.address, "--channel", running.channel.address)
    words = python_module("dsc_device", "watch", device.photos, "--once", *places, *device._queue)
    with (device.photos / "open.png").open("wb") as writer, ChildProcess("device", words) as watching:
        writer.write(system.queries[1].read_bytes()[:100])
        writer.flush()
        device.wait_until(lambda: device.answered == [system.queries[0].name], watching)
        writer.write(system.queries[1].read_bytes()[100:])
        writer.close()
        assert watching.wait(LIMIT_S) == 0, watching.stderr_lines
    assert device.answered == [system.queries[0].name, "open.png"]


def test_a_store_in_use_is_named(system: System, device: Device) -> None:
    with device.watching() as watching:
        device.wait_until(lambda: bool(watching.stderr_lines), watching)
        done = device.run("sync")
        assert done.returncode == 1
        assert done.stderr.startswith("error: another process uses the store in ")


def test_ready_and_alive_are_reported_to_systemd(
    device: Device, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import socket

    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(LIMIT_S)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        monkeypatch.setenv("WATCHDOG_USEC", "4000")
        with device.watching() as watching:
            first = {manager.recv(64), manager.recv(64)}
            assert first == {b"READY=1", b"WATCHDOG=1"}
            watching.send_signal(signal.SIGTERM)
            while manager.recv(64) != b"STOPPING=1":
                pass
            assert watching.wait(LIMIT_S) == 0


def test_results_that_cannot_be_written_are_refused_before_anything_is_done(device: Device) -> None:
    os.mkfifo(device.results)
    done = device.run("watch", device.photos)
    assert done.returncode == 1
    assert done.stderr == f"error: expected a regular file for results, got {device.results}\n"


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (("watch", "nothing", "--once"), "error: expected a folder, got nothing\n"),
        (("watch", ".", "--scan-s", "0"), "error: --scan-s: expected a number from 1 to 604,800, got '0' ("),
        (
            ("watch", ".", "--scan-s", "nan"),
            "error: --scan-s: expected a number from 1 to 604,800, got 'nan' (",
        ),
        (("sync", "--cache-mb", "nan"), "error: --cache-mb: expected a whole number, got 'nan' ("),
        (
            ("sync", "--codebooks", "half"),
            "error: --codebooks: expected one of full, on-demand, got 'half' (",
        ),
        (("sync", "--cache", __file__), f"error: expected a folder for downloads, got a file: {__file__}\n"),
        (("info", "--cache", __file__), f"error: expected a folder for downloads, got a file: {__file__}\n"),
        (("info", "--state", __file__), f"error: expected a folder for the queue, got a file: {__file__}\n"),
        (("sync", "--queue-mb", "0"), "error: --queue-mb: expected"),
    ],
)
def test_wrong_words_are_refused(words: tuple[str, ...], line: str) -> None:
    done = in_process.run("dsc_device", *words)
    assert done.returncode == 2
    assert done.stderr.startswith(line)
