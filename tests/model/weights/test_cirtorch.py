"""cirtorch checkpoints against the published network, rebuilt here from its description."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torchvision
from torch import Tensor, nn
from torchvision.models.resnet import Bottleneck, ResNet

from dsc_common.errors import InvalidInputError
from dsc_model import BackboneOptions
from dsc_model.backbones import resnet
from dsc_model.weights.cirtorch import cirtorch_name, is_cirtorch, read_cirtorch

MEAN, STD = [0.48, 0.46, 0.41], [0.23, 0.22, 0.21]
HERE = Path("net.pth")
SHAPES: dict[str, tuple[int, ...]] = {"conv1.weight": (4, 3, 7, 7), "layer4.2.bn3.weight": (6,)}
FEATURE_DIM = 6


class PublishedNetwork(nn.Module):
    """ImageRetrievalNet as published: the children of a ResNet but two, GeM with its p, whitening."""

    def __init__(self, trunk: nn.Module, p: float, whitened_dim: int | None) -> None:
        super().__init__()
        self.features = nn.Sequential(*list(trunk.children())[:-2])
        self.pool = nn.ParameterDict({"p": torch.ones(1) * p})
        self.whiten = nn.Linear(2048, whitened_dim) if whitened_dim else None

    def forward(self, image: Tensor) -> Tensor:
        """(1, 3, H, W) in [0, 1] to (1, F)."""
        x = self.features((image - torch.tensor(MEAN).view(3, 1, 1)) / torch.tensor(STD).view(3, 1, 1))
        p = self.pool["p"]
        pooled = nn.functional.avg_pool2d(x.clamp(min=1e-6).pow(p), x.shape[2:]).pow(1.0 / p).flatten(1)
        unit: Tensor = pooled / (pooled.norm(dim=1, keepdim=True) + 1e-6)
        if self.whiten is None:
            return unit
        white: Tensor = self.whiten(unit)
        white = white / (white.norm(dim=1, keepdim=True) + 1e-6)
        return white


def small_resnet() -> ResNet:
    """A ResNet with ResNet101's names and ends, one block to a stage, narrow, with random statistics."""
    network = ResNet(Bottleneck, [1, 1, 1, 1], width_per_group=4)
    for name, buffer in network.named_buffers():
        if name.endswith("running_mean"):
            nn.init.normal_(buffer, std=0.1)
        elif name.endswith("running_var"):
            nn.init.uniform_(buffer, 0.5, 2.0)
    return network.eval()


@pytest.fixture(autouse=True)
def small_networks(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(resnet, "new_network", lambda _name: small_resnet())
    with torch.random.fork_rng():
        torch.manual_seed(5)
        yield


def checkpoint(state: dict[str, Tensor], whitening: bool, output_dim: int) -> dict[str, Any]:
    meta = {
        "architecture": "resnet101",
        "local_whitening": False,
        "pooling": "gem",
        "regional": False,
        "whitening": whitening,
        "mean": MEAN,
        "std": STD,
        "outputdim": output_dim,
    }
    return {"meta": meta, "state_dict": state}


@pytest.mark.parametrize("whitened_dim", [None, 2048, 64])
@pytest.mark.parametrize("run", [False, True])
def test_the_feature_is_the_published_networks(tmp_path: Path, whitened_dim: int | None, run: bool) -> None:
    published = PublishedNetwork(small_resnet(), 2.918, whitened_dim).eval()
    state = dict(published.state_dict())
    content = checkpoint(state, whitened_dim is not None, whitened_dim or 2048)
    if run:  # a file of a training run: counters of batch norm are younger than some of these
        content["state_dict"] = {k: v for k, v in state.items() if not k.endswith("num_batches_tracked")}
        content |= {"epoch": 9, "min_loss": np.float64(0.2), "optimizer": {"state": {}, "param_groups": [{}]}}
    else:
        content["meta"]["Lw"] = {"retrieval-SfM-120k": {"ss": {"m": np.ones((4, 1)), "P": np.eye(4)}}}
    torch.save(content, tmp_path / "feature.pth", _use_new_zipfile_serialization=run)
    classifier = small_resnet()
    torch.save(classifier.state_dict(), tmp_path / "class.pth")
    network = resnet.build(
        "resnet101",
        BackboneOptions(class_weights=tmp_path / "class.pth", feature_weights=tmp_path / "feature.pth"),
    )
    image = torch.rand(1, 3, 80, 112)
    normalize = torchvision.transforms.Normalize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
    with torch.no_grad():
        feature, probabilities = network(image)
        torch.testing.assert_close(feature, published(image), rtol=1e-4, atol=1e-6)
        torch.testing.assert_close(probabilities, classifier(normalize(image)).softmax(1))


def test_the_architecture_is_that_of_the_backbone(tmp_path: Path) -> None:
    content = checkpoint(dict(PublishedNetwork(small_resnet(), 3.0, None).state_dict()), False, 2048)
    content["meta"]["architecture"] = "resnet50"
    torch.save(content, tmp_path / "feature.pth")
    torch.save(small_resnet().state_dict(), tmp_path / "class.pth")
    options = BackboneOptions(None, tmp_path / "class.pth", tmp_path / "feature.pth")
    assert resnet.build("resnet50", options).class_trunk is not None
    with pytest.raises(
        InvalidInputError, match=r"\(architecture 'resnet101'\), got architecture 'resnet50'$"
    ):
        resnet.build("resnet101", options)


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("conv1.weight", "features.0.weight"),
        ("bn1.running_var", "features.1.running_var"),
        ("layer1.0.conv1.weight", "features.4.0.conv1.weight"),
        ("layer3.22.bn2.bias", "features.6.22.bn2.bias"),
        ("layer4.0.downsample.1.running_mean", "features.7.0.downsample.1.running_mean"),
    ],
)
def test_names(ours: str, theirs: str) -> None:
    assert cirtorch_name(ours) == theirs


def tiny(whitening: bool = False) -> dict[str, Any]:
    state = {
        "features.0.weight": torch.zeros(4, 3, 7, 7),
        "features.7.2.bn3.weight": torch.zeros(6),
        "pool.p": torch.tensor([3.0]),
    }
    if whitening:
        state |= {"whiten.weight": torch.zeros(FEATURE_DIM, FEATURE_DIM), "whiten.bias": torch.zeros(6)}
    return checkpoint(state, whitening, FEATURE_DIM)


def test_a_bare_state_dict_is_told_apart() -> None:
    assert is_cirtorch(tiny())
    assert not is_cirtorch(tiny()["state_dict"])


def test_only_architecture_pooling_mean_and_std_must_be_named() -> None:
    content = tiny()
    for key in ("local_whitening", "regional", "whitening", "outputdim"):
        del content["meta"][key]
    found = read_cirtorch(content, "resnet101", SHAPES, FEATURE_DIM, HERE)
    assert set(found.trunk) == set(SHAPES)
    assert (found.p, found.mean, found.std, found.whitening) == (3.0, tuple(MEAN), tuple(STD), None)


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("architecture", "resnet50", "(architecture 'resnet101'), got architecture 'resnet50'"),
        ("architecture", None, "(architecture 'resnet101'), got architecture None"),
        ("pooling", "mac", "(pooling 'gem'), got pooling 'mac'"),
        ("regional", True, "(regional False), got regional True"),
        ("local_whitening", True, "(local_whitening False), got local_whitening True"),
        ("whitening", torch.ones(2), "expected whitening to be True or False, got tensor([1., 1.])"),
        ("outputdim", 512, "expected outputdim 6, got 512"),
        ("mean", [0.5, 0.5], "expected mean to be three numbers (R, G, B), got [0.5, 0.5]"),
        ("mean", None, "expected mean to be three numbers (R, G, B), got None"),
        ("std", [0.5, 0.0, 0.5], "expected std above 0, got 0.0"),
        ("std", [0.5, float("nan"), 0.5], "expected std to be three numbers (R, G, B), got [0.5, nan, 0.5]"),
        ("whitening", True, "got 2 missing ('whiten.weight', 'whiten.bias')"),
    ],
)
def test_a_network_of_another_kind_is_refused(key: str, value: object, message: str) -> None:
    content = tiny()
    content["meta"][key] = value
    with pytest.raises(InvalidInputError) as caught:
        read_cirtorch(content, "resnet101", SHAPES, FEATURE_DIM, HERE)
    assert str(caught.value).startswith("net.pth: expected ")
    assert str(caught.value).endswith(message)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("features.0.weight", torch.zeros(4, 3, 3, 3), "of shape (4, 3, 7, 7), got (4, 3, 3, 3)"),
        ("pool.p", torch.tensor([-1.0]), "expected pool.p above 0, got -1.0"),
        ("pool.p", torch.ones(2048), "with pool.p of shape (1,), got (2048,)"),
        ("whiten.weight", torch.zeros(3, 6), "with whiten.weight of shape (6, 6), got (3, 6)"),
        ("lwhiten.weight", torch.zeros(6, 6), "got 1 unexpected ('lwhiten.weight')"),
        ("conv1.weight", torch.zeros(4, 3, 7, 7), "got 1 unexpected ('conv1.weight')"),
    ],
)
def test_tensors_that_do_not_fit_are_named(name: str, value: Tensor, message: str) -> None:
    content = tiny(whitening=True)
    content["state_dict"][name] = value
    with pytest.raises(InvalidInputError) as caught:
        read_cirtorch(content, "resnet101", SHAPES, FEATURE_DIM, HERE)
    assert str(caught.value).startswith("net.pth: expected ")
    assert str(caught.value).endswith(message)
