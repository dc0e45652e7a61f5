"""The exported file computes what torch does, says what it is, leaks nothing, and is whole or absent."""

import json
import os
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from torch import nn

from dsc_common.errors import DscError, InvalidInputError
from dsc_model import export
from dsc_model.backbones.gem import GemDescriptor, Standardize
from dsc_model.backbones.network import PhotoNetwork

SIZES = [(48, 64), (33, 47), (1, 1)]
CHANNELS, FEATURE_DIM, LABELS = 8, 5, 1000


def small_network(two_trunks: bool, labels: int = LABELS) -> PhotoNetwork:
    """A PhotoNetwork with random weights, a learned p and whitening."""
    torch.manual_seed(3)

    def trunk(mean: float) -> nn.Sequential:
        conv = nn.Conv2d(3, CHANNELS, 3, stride=2, padding=1)
        return nn.Sequential(Standardize((mean, 0.5, 0.4), (0.2, 0.3, 0.4)), conv, nn.ReLU())

    descriptor = GemDescriptor(2.7, (torch.randn(FEATURE_DIM, CHANNELS), torch.randn(FEATURE_DIM)))
    classifier = nn.Linear(CHANNELS, labels)
    return PhotoNetwork(trunk(0.5), descriptor, classifier, trunk(0.1) if two_trunks else None).eval()


@pytest.mark.parametrize("two_trunks", [False, True])
def test_onnx_runtime_agrees_with_torch_on_any_size(tmp_path: Path, two_trunks: bool) -> None:
    network, path = small_network(two_trunks), tmp_path / "model.onnx"
    export.export_module(network, path, "small", 64)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    for height, width in SIZES:
        image = torch.rand(1, 3, height, width)
        with torch.no_grad():
            expected = network(image)
        found = session.run(["feature", "probabilities"], {"image": image.numpy()})
        for array, tensor in zip(found, expected, strict=True):
            np.testing.assert_allclose(array, tensor.numpy(), rtol=1e-4, atol=1e-6)
        assert np.linalg.norm(found[0]) == pytest.approx(1.0, abs=1e-5)
        assert found[1].sum() == pytest.approx(1.0, abs=1e-5)


def test_the_file_describes_itself_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    export.export_module(small_network(two_trunks=False), path, "small", 64)
    properties = {entry.key: entry.value for entry in onnx.load(path).metadata_props}
    labels = json.loads(properties.pop("dsc.labels"))
    assert len(labels) == LABELS
    assert labels[:2] == ["tench", "goldfish"]
    assert properties == {
        "dsc.format": "1",
        "dsc.backbone": "small",
        "dsc.longest_side": "64",
        "dsc.feature_dim": str(FEATURE_DIM),
        "dsc.num_labels": "1000",
    }
    assert [entry.name for entry in tmp_path.iterdir()] == ["model.onnx"]
    content = path.read_bytes()
    for trace in (b".py", b"site-packages", b"stack_trace", str(Path(__file__).parent).encode()):
        assert trace not in content


def test_two_exports_are_the_same_bytes(tmp_path: Path) -> None:
    paths = [tmp_path / "a.onnx", tmp_path / "b.onnx"]
    for path in paths:
        export.export_module(small_network(two_trunks=True), path, "small", 64)
    assert paths[0].read_bytes() == paths[1].read_bytes()


def test_another_number_of_classes_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match=r"^expected 1000 classes, got 10$"):
        export.export_module(small_network(two_trunks=False, labels=10), tmp_path / "model.onnx", "x", 64)
    assert list(tmp_path.iterdir()) == []


def test_a_failed_write_leaves_the_old_file_and_nothing_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "model.onnx"
    export.write_whole(path, b"old")

    def full_disk(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full_disk)
    with pytest.raises(DscError, match=r"cannot write the model to .*model\.onnx: No space left on device$"):
        export.write_whole(path, b"new")
    assert path.read_bytes() == b"old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["model.onnx"]
