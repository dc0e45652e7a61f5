"""Commands whose stdout or stderr is closed, full, or not read to its end: one line or none, no traceback."""

import json
import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from dsc_common.serving.address import Peer
from dsc_common.serving.client import connect
from dsc_demo.processes import python_module
from helpers.real_processes import Running, System

LIMIT_S = 60
BASH = shutil.which("bash") or "bash"
STOPPING = "stopping: requests under way are answered first\n"


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def shell(redirection: str, command: Sequence[str], **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a command with a redirection of the shell; the command's words are arguments, not text."""
    script = f'"$@" {redirection}'
    return subprocess.run(
        [BASH, "-o", "pipefail", "-c", script, "bash", *command],
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
        env={**os.environ, **environment},
    )


def info(system: System, *options: str) -> list[str]:
    return python_module("dsc_server", "info", "--index", system.index, *options)


@pytest.mark.parametrize(
    ("redirection", "said"),
    [
        (">&-", "error: Bad file descriptor: standard output\n"),
        (">/dev/full", "error: No space left on device: standard output\n"),
    ],
)
@pytest.mark.parametrize("options", [(), ("--json",)])
def test_results_that_cannot_be_printed_are_an_error(
    redirection: str, said: str, options: tuple[str, ...], system: System
) -> None:
    done = shell(redirection, info(system, *options))
    assert (done.returncode, done.stdout, done.stderr) == (1, "", said)


@pytest.mark.parametrize(
    ("redirection", "said", "queued"),
    [
        (">&-", "error: Bad file descriptor: standard output\n", "0"),
        (
            ">/dev/full",
            "note: in the queue for `dsc-device sync`: 1\nerror: No space left on device: standard output\n",
            "1",
        ),
    ],
)
def test_answers_of_the_queue_that_cannot_be_printed_are_an_error_and_wait(
    redirection: str,
    said: str,
    queued: str,
    system: System,
    running: Running,
    cache: Path,
    tmp_path: Path,
) -> None:
    places = ("--server", running.server.address, "--channel", running.channel.address, "--cache", cache)
    options = (*places, "--state", tmp_path / "state", "--top", "1", "--json")
    command = python_module("dsc_device", "query", "--queue", *system.queries[:2], *options)
    done = shell(redirection, command)
    assert (done.returncode, done.stdout, done.stderr) == (1, "", said)
    info_of_device = python_module("dsc_device", "info", "--state", tmp_path / "state", "--json")
    queue = json.loads(shell("", info_of_device).stdout)["queue"]
    assert str(queue["queries"]) == queued
    done = shell("", python_module("dsc_device", "sync", *options[:-3]))
    names = [json.loads(line)["query"] for line in done.stdout.splitlines()]
    assert names == ([] if redirection == ">&-" else [str(path) for path in system.queries[:2]])


@pytest.mark.parametrize("command", ["watch", "sync"])
def test_a_device_whose_results_have_no_place_says_so_at_the_start(command: str, tmp_path: Path) -> None:
    folder = [tmp_path] if command == "watch" else []
    state = ("--state", tmp_path / "state", "--server", "127.0.0.1:9")
    done = shell(">&-", python_module("dsc_device", command, *folder, *state))
    assert (done.returncode, done.stderr) == (1, "error: Bad file descriptor: standard output\n")


@pytest.mark.parametrize("module", ["dsc_server", "dsc_demo", "dsc_eval", "dsc_common.healthcheck"])
def test_help_that_cannot_be_printed_is_an_error(module: str) -> None:
    done = shell(">&-", python_module(module, "--help"))
    assert (done.returncode, done.stderr) == (1, "error: Bad file descriptor: standard output\n")


def test_a_reader_that_leaves_gets_no_line(system: System) -> None:
    done = shell("| true", info(system))
    assert (done.returncode, done.stdout, done.stderr) == (1, "", "")


@pytest.mark.parametrize("redirection", ["2>&-", "2>/dev/full"])
def test_error_lines_never_go_to_stdout(redirection: str, tmp_path: Path) -> None:
    done = shell(redirection, python_module("dsc_server", "info", "--index", tmp_path))
    assert (done.returncode, done.stdout, done.stderr) == (1, "", "")


@pytest.mark.parametrize(
    ("redirection", "said"),
    [
        (">&-", "note: cannot write to standard output: Bad file descriptor\n"),
        (">/dev/full", "note: cannot write to standard output: No space left on device\n"),
        (">&- 2>&- <&-", ""),
    ],
)
def test_a_service_serves_without_its_stdout(redirection: str, said: str) -> None:
    address = f"127.0.0.1:{free_port()}"
    command = python_module("dsc_channel", "serve", "--listen", address, "--server", "127.0.0.1:9")
    script = f'exec "$@" {redirection}'
    with subprocess.Popen(
        [BASH, "-c", script, "bash", *command], stderr=subprocess.PIPE, text=True
    ) as service:
        with connect(Peer("channel", address), LIMIT_S):
            service.send_signal(signal.SIGTERM)
        assert service.wait(LIMIT_S) == 0
        assert service.stderr is not None
        lines = service.stderr.read().replace(STOPPING, "").splitlines(keepends=True)
        # Nothing listens where its server should be: whether that is noticed in time is open.
        assert "".join(line for line in lines if not line.startswith("not ready: ")) == said


@pytest.mark.parametrize("encoding", ["ascii", "utf-16"])
def test_json_is_valid_in_any_encoding(encoding: str, system: System, running: Running, cache: Path) -> None:
    photo = system.queries[0].with_name("σ \udcff\x1b[31m.png")
    photo.unlink(missing_ok=True)
    os.link(system.queries[0], photo)
    try:
        places = ("--server", running.server.address, "--channel", running.channel.address, "--cache", cache)
        command = python_module("dsc_device", "query", photo, *places, "--json")
        done = subprocess.run(
            command,
            capture_output=True,
            timeout=LIMIT_S,
            check=False,
            env={**os.environ, "PYTHONIOENCODING": encoding},
        )
    finally:
        photo.unlink()
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout.decode(encoding))
    assert answer["query"] == str(photo)
    assert "σ²" in answer["link"]["snr_definition"]


def test_a_current_folder_that_was_removed_is_a_line(tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    script = 'cd "$0" && rmdir "$0" && exec "$@"'
    command = python_module("dsc_server", "build", "photos", "--index", "index")
    done = subprocess.run(
        [BASH, "-c", script, gone, *command], capture_output=True, text=True, timeout=LIMIT_S, check=False
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "error: No such file or directory: the current folder\n"
