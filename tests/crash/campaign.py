"""Runs of `dsc-device watch --once` that are killed, and what is in the results after them."""

import contextlib
import json
import os
import random
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from helpers import in_process

CLEAN_EVERY = 5  # runs, of which the last is not killed
KILLED = -9
TESTS = Path(__file__).parents[1]


class Forking:
    """The process that forks devices."""

    def __init__(self, folder: Path) -> None:
        self._log = folder / "device.log"
        command = [sys.executable, "-m", "crash.forking"]
        paths = os.pathsep.join([str(TESTS), *filter(None, [os.environ.get("PYTHONPATH")])])
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": paths},
        )

    def run(self, arguments: list[str], kill_at: int = 0, kill_after_s: float = 0.0) -> dict[str, int]:
        """Run a device; its exit code (-9: killed) and the points that it passed."""
        request = {
            "arguments": arguments,
            "log": str(self._log),
            "kill_at": kill_at,
            "kill_after_s": kill_after_s,
        }
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        answer: dict[str, int] = json.loads(self._process.stdout.readline())
        return answer

    @property
    def log(self) -> str:
        return self._log.read_text()

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(60)


@dataclass
class Campaign:
    """What came of a number of kills.

    Attributes:
        killed: runs that ended by SIGKILL.
        photos: photos that were put into the folder.
        answered: how often each is in the results.
        faults: a line for each thing that is wrong.
    """

    killed: int = 0
    photos: set[str] = field(default_factory=set)
    answered: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)


def run_campaign(folder: Path, index: Path, kills: int, seed: int) -> Campaign:
    """Kill a device at random points until it was killed `kills` times.

    Args:
        folder: an empty folder.
        index: an index with a network.
        kills: number of kills.
        seed: of the random points.
    """
    rng = random.Random(seed)
    (folder / "photos").mkdir()
    campaign = Campaign()
    with in_process.server_and_channel(index) as (server, channel), _forking(folder) as forking:
        arguments = _arguments(folder, server, channel)
        _add_photos(folder / "photos", rng, campaign)
        clean = forking.run(arguments)
        most = clean["points"]
        run = 0
        while campaign.killed < kills and run < 20 * kills:
            run += 1
            _add_photos(folder / "photos", rng, campaign)
            if rng.random() < 0.2:
                _rotate(folder, run)
            if run % CLEAN_EVERY:
                campaign.killed += _kill(forking, arguments, most, rng) == KILLED
            else:
                _check(forking.run(arguments), folder, campaign)
        _check(forking.run(arguments), folder, campaign)
        if campaign.faults:
            campaign.faults.append(forking.log)
    return campaign


def _kill(forking: Forking, arguments: list[str], most: int, rng: random.Random) -> int:
    """A run that is killed at a point, or at a moment, or has no link."""
    how = rng.random()
    if how < 0.1:
        arguments = [*arguments, "--channel", _closed_address(), "--wait-s", "0.1"]
    if how < 0.7:
        return forking.run(arguments, kill_at=rng.randint(1, most))["code"]
    return forking.run(arguments, kill_after_s=rng.uniform(0.01, 0.6))["code"]


def _check(done: dict[str, int], folder: Path, campaign: Campaign) -> None:
    if done["code"] != 0:
        campaign.faults.append(f"exit code {done['code']}")
    lines = [line for path in sorted(folder.glob("results.jsonl*")) for line in _lines(path, campaign)]
    campaign.answered = Counter(Path(line["query"]).name for line in lines)
    campaign.faults += [f"lost: {name}" for name in sorted(campaign.photos - set(campaign.answered))]
    campaign.faults += [f"{count} times: {name}" for name, count in campaign.answered.items() if count > 1]


def _lines(path: Path, campaign: Campaign) -> Iterator[dict[str, Any]]:
    content = path.read_text()
    if content and not content.endswith("\n"):
        campaign.faults.append(f"half a line at the end of {path.name}")
    for line in content.splitlines():
        try:
            yield json.loads(line)
        except ValueError:
            campaign.faults.append(f"no JSON in {path.name}: {line!r}")


def _arguments(folder: Path, server: str, channel: str) -> list[str]:
    places = {
        "--server": server,
        "--channel": channel,
        "--cache": folder / "cache",
        "--state": folder / "state",
        "--results": folder / "results.jsonl",
    }
    pairs = [str(word) for pair in places.items() for word in pair]
    return ["watch", str(folder / "photos"), "--once", "--top", "1", *pairs]


def _add_photos(folder: Path, rng: random.Random, campaign: Campaign) -> None:
    campaign.photos |= set(write_photos(folder, rng, len(campaign.photos), 2))


def write_photos(folder: Path, rng: random.Random, first: int, count: int) -> list[str]:
    """Write photos of noise, and return their names: numbers from `first` on."""
    names = [f"{number:05d}.png" for number in range(first, first + count)]
    for name in names:
        pixels = np.frombuffer(rng.randbytes(90), np.uint8).reshape(5, 6, 3)
        Image.fromarray(pixels).resize((60, 50)).save(folder / name)
    return names


def _rotate(folder: Path, run: int) -> None:
    with contextlib.suppress(FileNotFoundError):
        (folder / "results.jsonl").rename(folder / f"results.jsonl.{run:05d}")


def _closed_address() -> str:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return f"127.0.0.1:{probe.getsockname()[1]}"


@contextlib.contextmanager
def _forking(folder: Path) -> Iterator[Forking]:
    with contextlib.closing(Forking(folder)) as forking:
        yield forking
