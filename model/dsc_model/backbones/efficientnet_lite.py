"""EfficientNet-Lite0, 1 and 2 with ImageNet weights, from packages: q and p in one pass over a photo."""

import importlib
from pathlib import Path
from typing import Any, cast

import torch
from efficientnet_lite_pytorch import EfficientNet
from torch import Tensor, nn

from dsc_model.backbones.gem import GemDescriptor, Standardize
from dsc_model.backbones.network import PhotoNetwork
from dsc_model.backbones.registry import BackboneOptions, weights_package
from dsc_model.weights.weights_file import load_weights_file

MIN_SIDE = 32
HALF = (0.5, 0.5, 0.5)


class Trunk(nn.Module):
    """The convolutional part: (1, 3, H, W) to (1, 1280, H / 32, W / 32), rounded down but at least one.

    The network's fixed padding needs 32 pixels each way, so that narrower strips are padded with grey (the
    network's zero) on the right and below.
    """

    def __init__(self, network: EfficientNet) -> None:
        super().__init__()
        self.standardize = Standardize(mean=HALF, std=HALF)
        self.network: Any = network

    def forward(self, image: Tensor) -> Tensor:
        """See the class."""
        below, right = (cast("int", torch.sym_max(MIN_SIDE - side, 0)) for side in image.shape[2:])
        padded = nn.functional.pad(self.standardize(image), (0, right, 0, below))
        return cast("Tensor", self.network.extract_features(padded))


def build(name: str, _options: BackboneOptions) -> PhotoNetwork:
    """Return the network `name` with its weights, in evaluation mode: F = 1280, K = 1000."""
    network = EfficientNet.from_name(name)
    network.load_state_dict(load_weights_file(_weights_of(name)))
    return PhotoNetwork(Trunk(network), GemDescriptor(), network._fc).eval()


def _weights_of(name: str) -> Path:
    package = importlib.import_module(weights_package(name))
    weights = getattr(package, f"EfficientnetLite{name[-1]}ModelFile")
    return Path(weights.get_model_file_path())
