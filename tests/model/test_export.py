"""The exported file computes what torch does, says what it is, leaks nothing, and is whole or absent."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from dsc_common.errors import DscError, InvalidInputError
from dsc_model import export
from helpers.small_network import FEATURE_DIM, LABELS, small_network

TESTS = Path(__file__).parents[1]
SIZES = [(48, 64), (33, 47), (1, 1)]


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> dict[bool, Path]:
    """The small network as a file in a folder of its own: with one trunk and with two."""
    paths = {two: tmp_path_factory.mktemp("export") / "model.onnx" for two in (False, True)}
    for two_trunks, path in paths.items():
        export.export_module(small_network(two_trunks), path, "small", 64)
    return paths


@pytest.mark.parametrize("two_trunks", [False, True])
def test_onnx_runtime_agrees_with_torch_on_any_size(exported: dict[bool, Path], two_trunks: bool) -> None:
    network = small_network(two_trunks)
    session = onnxruntime.InferenceSession(exported[two_trunks], providers=["CPUExecutionProvider"])
    for height, width in SIZES:
        image = torch.rand(1, 3, height, width)
        with torch.no_grad():
            expected = network(image)
        found = session.run(["feature", "probabilities"], {"image": image.numpy()})
        for array, tensor in zip(found, expected, strict=True):
            np.testing.assert_allclose(array, tensor.numpy(), rtol=1e-4, atol=1e-6)
        assert np.linalg.norm(found[0]) == pytest.approx(1.0, abs=1e-5)
        assert found[1].sum() == pytest.approx(1.0, abs=1e-5)


def test_the_file_describes_itself_and_nothing_else(exported: dict[bool, Path]) -> None:
    path = exported[False]
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
    assert [entry.name for entry in path.parent.iterdir()] == ["model.onnx"]
    content = path.read_bytes()
    for trace in (b".py", b"site-packages", b"stack_trace", str(Path(__file__).parent).encode()):
        assert trace not in content


@pytest.mark.slow  # starts torch and its exporter once more
def test_another_process_exports_the_same_bytes(exported: dict[bool, Path], tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from dsc_model.export import export_module;"
        " from helpers.small_network import small_network;"
        " export_module(small_network(two_trunks=True), Path(sys.argv[1]), 'small', 64)"
    )
    other = tmp_path / "other name.onnx"
    paths = os.pathsep.join(filter(None, [str(TESTS), os.environ.get("PYTHONPATH")]))
    environment = os.environ | {"PYTHONHASHSEED": "77", "PYTHONPATH": paths}
    command = [sys.executable, "-c", code, str(other)]
    done = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, check=True)
    assert other.read_bytes() == exported[True].read_bytes()
    assert done.stdout == b""


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
