"""`dsc-model train` as a process: from a folder of photos to a network that a device's extractor runs."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from dsc_common.features.extractor import Extractor
from helpers.tiny_torch import write_groups

pytestmark = [pytest.mark.real_model, pytest.mark.slow]
OPTIONS = ["--longest-side", "64", "--epochs", "1", "--rate", "1e-4", "--queries", "6", "--batch", "2"]
OPTIONS += ["--negatives", "2", "--threads", "1", "--checkpoint", "1", "--held-out", "0"]


def command(data: Path, out: Path, *more: str) -> list[str]:
    return [sys.executable, "-m", "dsc_model", "train", str(data), str(out), *OPTIONS, *more]


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_groups(tmp_path_factory.mktemp("data") / "photos", 4, 3, side=80)


def test_killed_and_resumed_it_exports_the_same_network(photos: Path, tmp_path: Path) -> None:
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    subprocess.run(command(photos, whole), check=True, capture_output=True)
    process = subprocess.Popen(command(photos, killed), stderr=subprocess.PIPE)
    while not _stepped(killed / "last.safetensors"):
        assert process.poll() is None
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert not (killed / "model.onnx").exists()
    subprocess.run(command(photos, killed, "--resume"), check=True, capture_output=True)
    for name in ("model.onnx", "best.safetensors", "last.safetensors", "log.jsonl"):
        assert (killed / name).read_bytes() == (whole / name).read_bytes(), name
    extractor = Extractor.from_file(whole / "model.onnx", threads=1)
    assert extractor.info.backbone == "efficientnet-lite0-trained"
    found = extractor.extract(photos / "group00" / "0.png")
    assert np.linalg.norm(found.feature) == pytest.approx(1, abs=1e-5)
    assert found.probabilities.sum() == pytest.approx(1, abs=1e-5)


def _stepped(path: Path) -> bool:
    """Whether a checkpoint after the first step is there."""
    try:
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            header = json.loads(file.read(length))
    except FileNotFoundError:
        return False
    return int(json.loads(header["__metadata__"]["dsc.training"])["step"]) > 0
