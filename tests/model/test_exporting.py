"""`dsc-model export`: backbones and checkpoints to ONNX, and ResNets to cirtorch's layout and back."""

import os
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
import torch
from torch import Tensor, nn
from torchvision.models.resnet import Bottleneck, ResNet

from dsc_common.errors import DscError, InvalidInputError
from dsc_model import BackboneOptions, exporting
from dsc_model.backbones import resnet
from dsc_model.backbones.gem import GemDescriptor
from dsc_model.backbones.network import PhotoNetwork
from dsc_model.exporting import export
from dsc_model.training.checkpoints import Checkpoint, Origin, write_checkpoint
from dsc_model.training.feature_network import FeatureNetwork
from dsc_model.training.settings import TrainingSettings
from dsc_model.training.state import State
from helpers import in_process
from helpers.small_network import small_network

MEAN, STD, P = [0.5, 0.375, 0.25], [0.25, 0.125, 0.5], 2.875
NAME = "resnet50"


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """ResNets with the ends of the real ones, one block to a stage, narrow, with random weights."""
    torch.manual_seed(7)
    monkeypatch.setattr(
        resnet, "new_network", lambda _name: ResNet(Bottleneck, [1, 1, 1, 1], width_per_group=4).eval()
    )


def cirtorch_content(whitened_dim: int | None) -> dict[str, Any]:
    """A checkpoint as cirtorch writes it."""
    features = nn.Sequential(*list(resnet.new_network(NAME).children())[:-2])
    state = {f"features.{name}": value for name, value in features.state_dict().items()}
    state["pool.p"] = torch.tensor([P])
    if whitened_dim:
        state |= {"whiten.weight": torch.randn(whitened_dim, 2048), "whiten.bias": torch.randn(whitened_dim)}
    meta = {
        "architecture": NAME,
        "pooling": "gem",
        "local_whitening": False,
        "regional": False,
        "whitening": whitened_dim is not None,
        "mean": MEAN,
        "std": STD,
        "outputdim": whitened_dim or 2048,
    }
    return {"meta": meta, "state_dict": state}


def saved(content: object, path: Path) -> Path:
    torch.save(content, path)
    return path


def checkpoint_of(network: PhotoNetwork, path: Path, backbone: str = NAME) -> FeatureNetwork:
    """A feature network that differs from what training started with, and its checkpoint."""
    features = FeatureNetwork(network)
    with torch.no_grad():
        features.p.fill_(P)
        for parameter in features.trunk.parameters():
            parameter.mul_(1.25)
    origin = Origin(backbone, "0" * 64, "0" * 64, TrainingSettings())
    write_checkpoint(path, Checkpoint(origin, State(), dict(features.state_dict()), {}))
    return features


@pytest.mark.parametrize("whitened_dim", [None, 64])
def test_there_and_back_gives_the_same_tensors(tmp_path: Path, whitened_dim: int | None) -> None:
    content = cirtorch_content(whitened_dim)
    given = saved(content, tmp_path / "given.pth")
    export(NAME, tmp_path / "out.pth", BackboneOptions(feature_weights=given))
    found = torch.load(tmp_path / "out.pth", weights_only=True)
    assert found["meta"] == content["meta"]
    assert set(found["state_dict"]) == set(content["state_dict"])
    for name, value in content["state_dict"].items():
        assert torch.equal(found["state_dict"][name], value), name
    export(NAME, tmp_path / "again.pth", BackboneOptions(feature_weights=tmp_path / "out.pth"))
    assert (tmp_path / "again.pth").read_bytes() == (tmp_path / "out.pth").read_bytes()


def test_a_classifier_alone_gives_its_trunk(tmp_path: Path) -> None:
    classifier = resnet.new_network(NAME)
    weights = saved(classifier.state_dict(), tmp_path / "class.pth")
    export(NAME, tmp_path / "out.pth", BackboneOptions(class_weights=weights))
    found = torch.load(tmp_path / "out.pth", weights_only=True)
    assert torch.equal(found["state_dict"]["features.0.weight"], classifier.get_parameter("conv1.weight"))
    assert found["meta"]["mean"] == pytest.approx([0.485, 0.456, 0.406])
    assert found["state_dict"]["pool.p"].tolist() == [3.0]


@pytest.mark.parametrize("whitened_dim", [None, 64])
def test_a_checkpoint_as_pth_is_the_feature_network(tmp_path: Path, whitened_dim: int | None) -> None:
    weights = saved(resnet.new_network(NAME).state_dict(), tmp_path / "class.pth")
    given = saved(cirtorch_content(whitened_dim), tmp_path / "given.pth")
    start = resnet.build(NAME, BackboneOptions(None, weights, given))
    features = checkpoint_of(start, tmp_path / "best.safetensors")
    export(str(tmp_path / "best.safetensors"), tmp_path / "out.pth", BackboneOptions())
    network = resnet.build(NAME, BackboneOptions(None, weights, tmp_path / "out.pth"))
    image = torch.rand(1, 3, 64, 96)
    with torch.no_grad():
        assert torch.allclose(network(image)[0], features(image), atol=1e-6)  # another order in memory
        assert torch.equal(network(image)[1], start(image)[1])


def with_whitening() -> PhotoNetwork:
    """A network of one trunk whose training learns a whitening, too."""
    network = small_network(two_trunks=False)
    network.descriptor = GemDescriptor(3.0, (torch.randn(5, 8), torch.randn(5)))
    return network


def test_a_checkpoint_as_onnx_is_the_network_that_training_exports(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    start = with_whitening()
    features = checkpoint_of(start, tmp_path / "best.safetensors", "efficientnet-lite0")
    plain = PhotoNetwork(start.trunk, GemDescriptor(), start.classifier)  # as built: no whitening yet
    monkeypatch.setattr(exporting, "build_backbone", lambda _name, _options: plain)
    done = in_process.run(
        *("dsc_model", "export", tmp_path / "best.safetensors", tmp_path / "out.onnx", "--longest-side", "96")
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr.splitlines()[-1] == f"wrote {tmp_path / 'out.onnx'}"
    session = onnxruntime.InferenceSession(tmp_path / "out.onnx", providers=["CPUExecutionProvider"])
    metadata = session.get_modelmeta().custom_metadata_map
    assert (metadata["dsc.backbone"], metadata["dsc.longest_side"]) == ("efficientnet-lite0-trained", "96")
    image: Tensor = torch.rand(1, 3, 33, 47)
    with torch.no_grad():
        expected = features(image), start(image)[1]
    found = session.run(["feature", "probabilities"], {"image": image.numpy()})
    for array, tensor in zip(found, expected, strict=True):
        np.testing.assert_allclose(array, tensor.numpy(), rtol=1e-4, atol=1e-6)


def test_what_does_not_fit_is_one_line(tmp_path: Path) -> None:
    out, checkpoint = tmp_path / "out.pth", tmp_path / "best.safetensors"
    weights = saved(resnet.new_network(NAME).state_dict(), tmp_path / "class.pth")
    checkpoint_of(resnet.build(NAME, BackboneOptions(class_weights=weights)), checkpoint)
    lite, text = tmp_path / "lite.safetensors", tmp_path / "text"
    checkpoint_of(small_network(two_trunks=False), lite, "efficientnet-lite0")
    text.write_text("no checkpoint")
    sided, classed = BackboneOptions(longest_side=362), BackboneOptions(class_weights=weights)
    featured = BackboneOptions(feature_weights=weights)
    for source, options, line in (
        (
            "efficientnet-lite0",
            BackboneOptions(),
            "expected resnet50 or resnet101 for a .pth file, got effici",
        ),
        (
            str(lite),
            BackboneOptions(),
            "expected resnet50 or resnet101 for a .pth file, got efficientnet-lite0",
        ),
        (NAME, sided, "--longest-side changes nothing in a .pth file"),
        (str(checkpoint), classed, "--class-weights changes nothing in a .pth file"),
        (NAME, BackboneOptions(None, weights, weights), "--class-weights changes nothing in a .pth file"),
        (str(checkpoint), featured, "--feature-weights changes nothing with a checkpoint"),
        ("vgg16", BackboneOptions(), "expected a file, or one of the backbones efficientnet-lite0, "),
        ("", BackboneOptions(), "expected a file, or one of the backbones efficientnet-lite0, "),
        (str(text), BackboneOptions(), f"{text} is no checkpoint"),
    ):
        with pytest.raises(InvalidInputError) as caught:
            export(source, out, options)
        assert str(caught.value).startswith(line)
        assert "\n" not in str(caught.value)
    assert not out.exists()


def test_a_checkpoint_of_another_network_is_refused(tmp_path: Path) -> None:
    checkpoint_of(small_network(two_trunks=False), tmp_path / "best.safetensors", NAME)
    with pytest.raises(InvalidInputError, match=r"expected the feature network of resnet50, got "):
        export(str(tmp_path / "best.safetensors"), tmp_path / "out.pth", BackboneOptions())


def test_a_pth_file_is_whole_or_absent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given, out = saved(cirtorch_content(None), tmp_path / "given.pth"), tmp_path / "out.pth"
    out.write_bytes(b"old")

    def full_disk(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full_disk)
    with pytest.raises(DscError, match=r"out\.pth: No space left on device$"):
        export(NAME, out, BackboneOptions(feature_weights=given))
    assert out.read_bytes() == b"old"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["given.pth", "out.pth"]
