"""ResNet101, the paper's backbone, and ResNet50: torchvision's classifier M_c, and M_f with GeM."""

import contextlib
import sys
from collections import OrderedDict
from pathlib import Path
from typing import cast

import torchvision
from torch import Tensor, nn

from dsc_common.errors import DscError, InvalidInputError
from dsc_model.backbones.gem import GemDescriptor, Standardize
from dsc_model.backbones.network import PhotoNetwork
from dsc_model.backbones.registry import BackboneOptions
from dsc_model.weights.cirtorch import CirtorchNetwork, Triple, is_cirtorch, read_cirtorch
from dsc_model.weights.weights_file import check_state_dict, load_weights_file, shapes_of

FEATURE_DIM = 2048
IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


def build(name: str, options: BackboneOptions) -> PhotoNetwork:
    """Return M_f and M_c with their weights, in evaluation mode: K = 1000, F = 2048 (or whitening's F').

    Without feature weights both read one trunk, in one pass.

    Raises:
        InvalidInputError: a weights file that does not fit.
        DscError: no class weights are given, and torchvision's cannot be downloaded.
    """
    path = options.feature_weights
    # First the feature network: a wrong file shows before a download.
    feature_network = _feature_network(name, path) if path else None
    classifier = _classifier(name, options.class_weights)
    class_trunk = _trunk(classifier, IMAGENET_MEAN, IMAGENET_STD)
    fc = classifier.get_submodule("fc")
    if feature_network is None:
        return PhotoNetwork(class_trunk, GemDescriptor(), fc).eval()
    trunk, descriptor = feature_network
    return PhotoNetwork(trunk, descriptor, fc, class_trunk).eval()


def untrained(name: str) -> PhotoNetwork:
    """Return the network without trained weights."""
    network = new_network(name)
    trunk = _trunk(network, IMAGENET_MEAN, IMAGENET_STD)
    return PhotoNetwork(trunk, GemDescriptor(), network.get_submodule("fc")).eval()


def feature_network(name: str, options: BackboneOptions) -> tuple[nn.Module, GemDescriptor]:
    """Return M_f alone, its trunk and descriptor; the classifier is read only where it brings the trunk.

    Raises:
        InvalidInputError, DscError: as `build`.
    """
    if options.feature_weights is not None:
        return _feature_network(name, options.feature_weights)
    classifier = _classifier(name, options.class_weights)
    return _trunk(classifier, IMAGENET_MEAN, IMAGENET_STD), GemDescriptor()


def as_cirtorch(trunk: nn.Module, descriptor: nn.Module) -> CirtorchNetwork:
    """M_f as `cirtorch_file` takes it: the inverse of reading a cirtorch checkpoint."""
    standardize, layers = cast("tuple[Standardize, nn.Module]", tuple(trunk.children()))
    gem = cast("GemDescriptor", descriptor)
    return CirtorchNetwork(
        trunk=layers.state_dict(),
        p=gem.p,
        mean=cast("Triple", tuple(standardize.mean.flatten().tolist())),
        std=cast("Triple", tuple(standardize.std.flatten().tolist())),
        whitening=None if gem.whiten is None else (gem.whiten.weight.detach(), gem.whiten.bias.detach()),
    )


def new_network(name: str) -> nn.Module:
    """Return torchvision's ResNet of this name without trained weights."""
    return cast("nn.Module", torchvision.models.get_model(name, weights=None))


def _classifier(name: str, path: Path | None) -> nn.Module:
    network = new_network(name)
    if path is None:
        network.load_state_dict(_download(name))
        return network
    state = load_weights_file(path)
    if is_cirtorch(state):
        raise InvalidInputError(
            f"{path}: expected {_state_dict_of(name)}, got a cirtorch checkpoint, which has no classifier"
        )
    check_state_dict(state, shapes_of(network), _state_dict_of(name), path)
    network.load_state_dict(state, strict=False)  # checked: only batch norm's counters may be missing
    return network


def _state_dict_of(name: str) -> str:
    return f"a torchvision state dict of {name}"


def _download(name: str) -> dict[str, Tensor]:
    weights = torchvision.models.get_model_weights(name).IMAGENET1K_V2
    try:
        with contextlib.redirect_stdout(sys.stderr):  # torch.hub announces its download on stdout
            state = weights.get_state_dict(progress=sys.stderr.isatty(), check_hash=True, weights_only=True)
    except (OSError, RuntimeError) as error:
        raise DscError(
            f"cannot download {name}'s ImageNet weights ({error});"
            f" give {_state_dict_of(name)} as class weights"
        ) from None
    return cast("dict[str, Tensor]", state)


def _feature_network(name: str, path: Path) -> tuple[nn.Module, GemDescriptor]:
    """Read M_f's trunk and descriptor from either layout."""
    network, content = new_network(name), load_weights_file(path)
    shapes = {key: shape for key, shape in shapes_of(network).items() if not _is_classifier(key)}
    if is_cirtorch(content):
        found = read_cirtorch(content, name, shapes, FEATURE_DIM, path)
        network.load_state_dict(found.trunk, strict=False)
        return _trunk(network, found.mean, found.std), GemDescriptor(found.p, found.whitening)
    state = {key: value for key, value in content.items() if not _is_classifier(key)}
    check_state_dict(state, shapes, f"{_state_dict_of(name)}, or a cirtorch checkpoint", path)
    network.load_state_dict(state, strict=False)
    return _trunk(network, IMAGENET_MEAN, IMAGENET_STD), GemDescriptor()


def _is_classifier(name: object) -> bool:
    return name in ("fc.weight", "fc.bias")


def _trunk(network: nn.Module, mean: Triple, std: Triple) -> nn.Sequential:
    """All but average pooling and fc: (1, 3, H, W) to (1, 2048, H / 32, W / 32), rounded up."""
    layers = OrderedDict(list(network.named_children())[:-2])
    return nn.Sequential(Standardize(mean, std), nn.Sequential(layers))
