"""ResNets from torchvision's weights files, without any, and once in full through ONNX Runtime."""

import urllib.error
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
import torch
import torchvision
from torch import Tensor, nn
from torchvision.models.resnet import Bottleneck, ResNet

from dsc_common.errors import DscError, InvalidInputError
from dsc_model import BackboneOptions, export_backbone
from dsc_model.backbones import resnet

NORMALIZE = torchvision.transforms.Normalize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))


def small_resnet(labels: int = 1000) -> ResNet:
    """A ResNet with ResNet101's names and ends, one block to a stage, and narrow."""
    return ResNet(Bottleneck, [1, 1, 1, 1], width_per_group=4, num_classes=labels).eval()


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resnet, "new_network", lambda _name: small_resnet())


def save(content: object, path: Path) -> Path:
    torch.save(content, path)
    return path


def gem_feature(network: nn.Module, image: Tensor) -> Tensor:
    """(1, F) from (1, 3, H, W): l2-normalised GeM with p = 3 of a torchvision ResNet's last map."""
    feature_map = nn.Sequential(*list(network.children())[:-2])(NORMALIZE(image))
    pooled = feature_map.clamp(min=1e-6).pow(3).mean(dim=(2, 3)).pow(1 / 3)
    return nn.functional.normalize(pooled, dim=1)


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("layout", ["one file", "two files", "trunk only"])
def test_torchvision_files_give_class_and_feature(tmp_path: Path, layout: str) -> None:
    classifier, image = small_resnet(), torch.rand(1, 3, 70, 90)
    feature_net = classifier if layout == "one file" else small_resnet()
    state = dict(feature_net.state_dict())
    if layout == "trunk only":
        del state["fc.weight"], state["fc.bias"]
    network = resnet.build(
        "resnet101",
        BackboneOptions(
            class_weights=save(classifier.state_dict(), tmp_path / "class.pth"),
            feature_weights=None if layout == "one file" else save(state, tmp_path / "feature.pth"),
        ),
    )
    assert (network.class_trunk is None) == (layout == "one file")
    with torch.no_grad():
        feature, probabilities = network(image)
        torch.testing.assert_close(feature, gem_feature(feature_net, image))
        torch.testing.assert_close(probabilities, classifier(NORMALIZE(image)).softmax(1))


@pytest.mark.parametrize(("name", "blocks"), [("resnet50", [3, 4, 6, 3]), ("resnet101", [3, 4, 23, 3])])
def test_the_name_is_that_of_the_architecture(name: str, blocks: list[int]) -> None:
    with torch.device("meta"):  # no numbers
        network = resnet.new_network(name)
    assert [len(list(network.get_submodule(f"layer{n}").children())) for n in range(1, 5)] == blocks
    assert network.get_parameter("fc.weight").shape == (1000, 2048)


@pytest.mark.usefixtures("small")
def test_files_that_do_not_fit_are_named(tmp_path: Path) -> None:
    ten = save(small_resnet(labels=10).state_dict(), tmp_path / "ten.pth")
    with pytest.raises(
        InvalidInputError, match=r"ten\.pth: .* fc\.weight of shape \(1000, 2048\), got \(10,"
    ):
        resnet.build("resnet101", BackboneOptions(class_weights=ten))
    wrapped = save({"epoch": 3, "state_dict": {}}, tmp_path / "wrapped.pth")
    with pytest.raises(InvalidInputError, match=r"torchvision state dict of resnet101, got \d+ missing"):
        resnet.build("resnet101", BackboneOptions(class_weights=wrapped))
    cirtorch = save({"meta": {}, "state_dict": {}}, tmp_path / "cirtorch.pth")
    with pytest.raises(InvalidInputError, match="got a cirtorch checkpoint, which has no classifier"):
        resnet.build("resnet101", BackboneOptions(class_weights=cirtorch))
    good = save(small_resnet().state_dict(), tmp_path / "good.pth")
    with pytest.raises(InvalidInputError, match=r"resnet101, or a cirtorch checkpoint, got \d+ missing"):
        resnet.build("resnet101", BackboneOptions(class_weights=good, feature_weights=wrapped))


@pytest.mark.usefixtures("small")
def test_offline_the_message_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def offline(*_: Any, **__: Any) -> None:
        raise urllib.error.URLError("Name or service not known")

    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr(torch.hub, "urlopen", offline)
    with pytest.raises(
        DscError, match=r"^cannot download resnet101's .*; give a torchvision state dict of resnet101"
    ):
        export_backbone("resnet101", tmp_path / "model.onnx")
    assert not (tmp_path / "model.onnx").exists()
    assert capsys.readouterr().out == ""


def random_resnet101(seed: int) -> ResNet:
    """The real shape, with residual branches small enough that activations stay moderate."""
    torch.manual_seed(seed)
    network: ResNet = torchvision.models.resnet101(weights=None).eval()
    for name, parameter in network.named_parameters():
        if name.endswith("bn3.weight"):
            nn.init.constant_(parameter, 0.3)
    return network


@pytest.mark.slow
@pytest.mark.real_model
@pytest.mark.timeout(1200)
def test_the_whole_resnet101_through_onnx_runtime(tmp_path: Path) -> None:
    """M_c from a torchvision file, M_f from a cirtorch file with whitening."""
    classifier, feature_net = random_resnet101(0), random_resnet101(1)
    features = nn.Sequential(*list(feature_net.children())[:-2])
    state = {f"features.{name}": value for name, value in features.state_dict().items()}
    weight, bias = torch.randn(2048, 2048) / 50, torch.randn(2048) / 50
    state |= {"pool.p": torch.tensor([3.0]), "whiten.weight": weight, "whiten.bias": bias}
    meta = {"architecture": "resnet101", "pooling": "gem", "whitening": True, "outputdim": 2048}
    meta |= {"mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225]}
    options = BackboneOptions(
        class_weights=save(classifier.state_dict(), tmp_path / "class.pth"),
        feature_weights=save({"meta": meta, "state_dict": state}, tmp_path / "feature.pth"),
    )
    export_backbone("resnet101", tmp_path / "model.onnx", options)
    session = onnxruntime.InferenceSession(tmp_path / "model.onnx", providers=["CPUExecutionProvider"])
    assert session.get_modelmeta().custom_metadata_map["dsc.longest_side"] == "362"
    for path in tmp_path.iterdir():
        path.unlink()  # 0.7 GB that pytest would keep
    for size in ((64, 96), (97, 65)):
        image = torch.rand(1, 3, *size)
        feature, probabilities = session.run(["feature", "probabilities"], {"image": image.numpy()})
        with torch.no_grad():
            white = gem_feature(feature_net, image) @ weight.T + bias
            expected = nn.functional.normalize(white, dim=1).numpy(), classifier(NORMALIZE(image)).softmax(1)
        np.testing.assert_allclose(feature, expected[0], atol=1e-5)
        np.testing.assert_allclose(probabilities, expected[1].numpy(), atol=1e-5)
