"""Fixtures that several roles' tests share, and how many examples property tests take."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings
from PIL import Image

from helpers.tiny_model import write_tiny_model

# Hypothesis stops varying its examples where CI is set; .ci/run gives it a seed by the commit instead.
settings.register_profile("project", max_examples=30, deadline=None, derandomize=False)
settings.load_profile("project")

# Under nohup SIGHUP is ignored, and so it would be in every process that a test starts.
signal.signal(signal.SIGHUP, signal.SIG_DFL)


def pytest_configure(config: pytest.Config) -> None:
    """Loops are compiled once for all processes of all runs; the folder can be deleted."""
    if hasattr(config, "cache"):  # not with -p no:cacheprovider
        os.environ.setdefault("NUMBA_CACHE_DIR", str(config.cache.mkdir("compiled")))


@pytest.fixture(scope="session", autouse=True)
def empty_caches(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Commands keep features and downloads in a folder of the tests instead of the user's."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An ONNX model with the extractor's contract: K = 32, F = 16, longest side 64."""
    return write_tiny_model(tmp_path_factory.mktemp("model") / "tiny.onnx")


@pytest.fixture(scope="session")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder `photos` of 12 different little pictures in two folders below it; no test changes it."""
    folder = tmp_path_factory.mktemp("gallery") / "photos"
    rng = np.random.default_rng(7)
    for number in range(12):
        coarse = rng.integers(0, 256, (5, 6, 3), dtype=np.uint8)
        place = folder / ("even" if number % 2 == 0 else "odd")
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(coarse).resize((60, 50)).save(place / f"{number:02d}.png")
    return folder
