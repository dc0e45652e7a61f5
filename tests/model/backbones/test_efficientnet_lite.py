"""The real EfficientNet-Lite: real photos get their labels, and any process exports the same bytes.

An export takes as long as hundreds of tests, so tests of it are slow. `test_export` exports a small one.
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnxruntime
import pytest
import torch
import torchvision
from PIL import Image
from skimage import data

from dsc_model import BackboneOptions, export_backbone
from dsc_model.backbones import efficientnet_lite
from dsc_model.backbones.network import PhotoNetwork

pytestmark = pytest.mark.real_model

LABELS = torchvision.models.ResNet101_Weights.IMAGENET1K_V2.meta["categories"]
CATS = {"tabby", "tiger cat", "Persian cat", "Siamese cat", "Egyptian cat", "lynx"}


@pytest.fixture(scope="module")
def model_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("model") / "model.onnx"
    export_backbone("efficientnet-lite0", path)
    return path


Run = Callable[[npt.NDArray[np.float32]], tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]]


@pytest.fixture(scope="module")
def network() -> PhotoNetwork:
    return efficientnet_lite.build("efficientnet-lite0", BackboneOptions())


@pytest.fixture(scope="module")
def session(model_path: Path) -> onnxruntime.InferenceSession:
    return onnxruntime.InferenceSession(model_path, providers=["CPUExecutionProvider"])


@pytest.fixture(params=["torch", pytest.param("onnxruntime", marks=pytest.mark.slow)])
def run(request: pytest.FixtureRequest) -> Run:
    """Feature and probabilities of an image, by the network itself or by its exported file."""
    if request.param == "onnxruntime":
        session = request.getfixturevalue("session")
        return lambda image: session.run(["feature", "probabilities"], {"image": image})
    network = request.getfixturevalue("network")

    def by_torch(image: npt.NDArray[np.float32]) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        with torch.no_grad():
            feature, probabilities = network(torch.from_numpy(image))
        return feature.numpy(), probabilities.numpy()

    return by_torch


def pixels(photo: npt.NDArray[np.uint8], longest_side: int) -> npt.NDArray[np.float32]:
    """(1, 3, H, W) in [0, 1] from (H0, W0, 3)."""
    image = Image.fromarray(photo)
    image.thumbnail((longest_side, longest_side), Image.Resampling.BICUBIC)
    return np.asarray(image, dtype=np.float32).transpose(2, 0, 1)[None] / np.float32(255)


@pytest.mark.parametrize(("photo", "names"), [("chelsea", CATS), ("coffee", {"espresso", "cup"})])
def test_a_real_photo_gets_its_label(run: Run, photo: str, names: set[str]) -> None:
    feature, probabilities = run(pixels(getattr(data, photo)(), 512))
    assert feature.shape == (1, 1280)
    assert names & {LABELS[i] for i in np.argsort(-probabilities[0])[:5]}


@pytest.mark.slow
def test_the_file_describes_itself(session: onnxruntime.InferenceSession) -> None:
    metadata = session.get_modelmeta().custom_metadata_map
    assert json.loads(metadata["dsc.labels"]) == LABELS
    assert (metadata["dsc.longest_side"], metadata["dsc.feature_dim"]) == ("512", "1280")


@pytest.mark.slow
@pytest.mark.parametrize("size", [(288, 362), (33, 47), (5, 100), (1, 1)])
def test_onnx_runtime_agrees_with_torch(
    session: onnxruntime.InferenceSession, network: PhotoNetwork, size: tuple[int, int]
) -> None:
    image = torch.rand(1, 3, *size)
    with torch.no_grad():
        expected = network(image)
    found = session.run(["feature", "probabilities"], {"image": image.numpy()})
    for array, tensor in zip(found, expected, strict=True):
        np.testing.assert_allclose(array, tensor.numpy(), atol=2e-5)


def test_a_strip_is_padded_with_grey_to_32_pixels(run: Run) -> None:
    strip = np.random.default_rng(0).random((1, 3, 7, 90), dtype=np.float32)
    padded = np.full((1, 3, 32, 90), 0.5, dtype=np.float32)
    padded[:, :, :7] = strip
    for found, expected in zip(run(strip), run(padded), strict=True):
        np.testing.assert_allclose(found, expected, atol=1e-6)


@pytest.mark.parametrize("name", ["efficientnet-lite1", "efficientnet-lite2"])
def test_larger_networks_of_the_family_know_a_photo(name: str) -> None:
    with torch.no_grad():
        network = efficientnet_lite.build(name, BackboneOptions())
        feature, probabilities = network(torch.from_numpy(pixels(data.chelsea(), 256)))
    assert (feature.shape, probabilities.shape) == ((1, 1280), (1, 1000))
    assert float(feature.norm()) == pytest.approx(1, abs=1e-5)
    assert CATS & {LABELS[i] for i in probabilities[0].topk(5).indices.tolist()}


@pytest.mark.slow
@pytest.mark.parametrize("name", ["efficientnet-lite1", "efficientnet-lite2"])
def test_larger_networks_are_exported(name: str, tmp_path: Path) -> None:
    export_backbone(name, tmp_path / "model.onnx", BackboneOptions(longest_side=362))
    larger = onnxruntime.InferenceSession(tmp_path / "model.onnx", providers=["CPUExecutionProvider"])
    metadata = larger.get_modelmeta().custom_metadata_map
    assert (metadata["dsc.backbone"], metadata["dsc.longest_side"]) == (name, "362")
    network = efficientnet_lite.build(name, BackboneOptions())
    for size in ((96, 128), (7, 90)):
        image = torch.rand(1, 3, *size)
        with torch.no_grad():
            expected = network(image)
        found = larger.run(["feature", "probabilities"], {"image": image.numpy()})
        for array, tensor in zip(found, expected, strict=True):
            np.testing.assert_allclose(array, tensor.numpy(), atol=2e-5)


@pytest.mark.slow
def test_another_process_exports_the_same_bytes(model_path: Path, tmp_path: Path) -> None:
    other = tmp_path / "other name.onnx"
    code = (
        "import sys; from pathlib import Path; from dsc_model import export_backbone;"
        " export_backbone('efficientnet-lite0', Path(sys.argv[1]))"
    )
    environment = os.environ | {"PYTHONHASHSEED": "77", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-c", code, str(other)],
        env=environment,
        cwd=tmp_path,
        capture_output=True,
        check=True,
    )
    assert other.read_bytes() == model_path.read_bytes()
    assert done.stdout == b""


@pytest.mark.slow
def test_nothing_of_the_exporting_machine_is_in_the_file(model_path: Path) -> None:
    content = model_path.read_bytes()
    for trace in (b".py", b"site-packages", b"stack_trace", bytes(Path.home()), bytes(Path.cwd())):
        assert trace not in content
