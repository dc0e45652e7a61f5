"""Every scheme, from `dsc-server build --scheme …` to a query, gives what the offline core gives."""

import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from dsc_common.radio.link import LinkSettings
from dsc_common.radio.modes import Mode
from dsc_server.scheme_specs import SCHEMES
from helpers import in_process, real_processes
from helpers.real_processes import System, json_lines, offline, start_channel, start_server

CHANGED = ("dsc-pq+spill=3+fused+sequential", "dsc-shared+spill=2", "dsc-pq+scrambled")
# What one server is asked: mode, receiver, SNR (dB).
Asked = tuple[Mode, str, float]
USUAL: list[Asked] = [(Mode.BPSK, "default", 6.0)]
MORE: dict[str, list[Asked]] = {
    "dsc": [(Mode.BPSK, "hard", 3.0), (Mode.BPSK, "joint", 3.0)],
    "dsc-pq": [(Mode.BPSK, "hard", 3.0), (Mode.BPSK, "joint", 3.0)],
    "hybrid": [(Mode.HYBRID, "joint", 3.0)],
}
Done = subprocess.CompletedProcess[str]
Serve = Callable[[Path], AbstractContextManager[tuple[str, str]]]


@contextmanager
def two_processes(index: Path) -> Iterator[tuple[str, str]]:
    with start_server(index) as server, start_channel(server.address) as channel:
        yield server.address, channel.address


def check_against_offline(
    run: Callable[..., Done], serve: Serve, system: System, folder: Path, scheme: str, questions: list[Asked]
) -> None:
    index = folder / "index"
    cells = "+K=9" if scheme.startswith("duc-i") or scheme == "duc-gp-raw" else ""
    built = in_process.run(
        *("dsc_server", "build", system.photos, "--index", index, "--model", system.model),
        *("--scheme", scheme + cells),
    )
    assert built.returncode == 0, built.stderr
    held = replace(system, index=index)
    with serve(index) as (server, channel):
        for mode, receiver, snr_db in questions:
            asked = run(
                *("dsc_device", "query", *system.queries, "--server", server, "--channel", channel),
                *("--cache", folder / "cache", "--mode", mode, "--receiver", receiver),
                *("--snr-db", str(snr_db), "--seed", "3", "--top", "7", "--json"),
            )
            assert asked.returncode == 0, asked.stderr
            lines = json_lines(asked.stdout)
            assert len(lines) == len(system.queries)
            assert any(line["results"] for line in lines)
            link = LinkSettings(mode, snr_db, seed=3)
            for line, photo in zip(lines, system.queries, strict=True):
                expected = offline(held, photo, link, receiver=receiver)
                assert {key: line[key] for key in expected} == expected


@pytest.mark.parametrize("scheme", [*SCHEMES, *CHANGED])
def test_online_and_offline_agree(system: System, tmp_path: Path, scheme: str) -> None:
    questions = USUAL + MORE.get(scheme, [])
    check_against_offline(in_process.run, in_process.server_and_channel, system, tmp_path, scheme, questions)


@pytest.mark.parametrize("scheme", ["dsc", "dsc-pq+scrambled"])
def test_processes_and_the_offline_core_agree(system: System, tmp_path: Path, scheme: str) -> None:
    check_against_offline(real_processes.run, two_processes, system, tmp_path, scheme, USUAL)
