"""A small real system: photos that scikit-image ships, a tiny network, and the services as processes."""

import subprocess
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from skimage import data

from helpers import in_process, real_processes
from helpers.real_processes import Running, System, start_channel, start_server
from helpers.tiny_model import write_tiny_model

SCENES = ("astronaut", "chelsea", "coffee", "rocket", "camera", "coins", "moon", "page", "brick", "grass")

Done = subprocess.CompletedProcess[str]
Ask = Callable[..., Done]


@pytest.fixture(scope="session")
def system(tmp_path_factory: pytest.TempPathFactory) -> System:
    root = tmp_path_factory.mktemp("system")
    photos, held_out = root / "photos", root / "queries"
    photos.mkdir()
    held_out.mkdir()
    for name in SCENES:
        photo = Image.fromarray(np.asarray(getattr(data, name)())).convert("RGB")
        photo.thumbnail((120, 120))
        width, height = photo.size
        photo.save(photos / f"{name}-0.png")
        photo.crop((0, 0, width * 9 // 10, height)).save(photos / f"{name}-1.png")
        photo.crop((width // 20, 0, width, height * 9 // 10)).save(held_out / f"{name}.png")
    model = write_tiny_model(root / "model.onnx")
    index = root / "index"
    built = in_process.run(
        "dsc_server", "build", photos, "--index", index, "--model", model, "--scheme", "dsc-pq"
    )
    assert built.returncode == 0, built.stderr
    return System(photos, sorted(held_out.iterdir()), model, index)


@pytest.fixture(scope="session")
def running(system: System) -> Iterator[Running]:
    with start_server(system.index) as server, start_channel(server.address) as channel:
        yield Running(server, channel)


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def ask(running: Running, cache: Path) -> Ask:
    """`dsc-device query` against the running system, in this process."""
    return partial(_query, in_process.run, running, cache)


@pytest.fixture
def ask_by_process(running: Running, cache: Path) -> Ask:
    """`dsc-device query` against the running system, in a process of its own."""
    return partial(_query, real_processes.run, running, cache)


def _query(run: Ask, running: Running, cache: Path, *arguments: str | Path) -> Done:
    places = ("--server", running.server.address, "--channel", running.channel.address, "--cache", cache)
    return run("dsc_device", "query", *arguments, *places)
