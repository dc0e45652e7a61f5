"""A PhotoNetwork of a few weights: what an export does, without waiting for a real network."""

import torch
from torch import nn

from dsc_model.backbones.gem import GemDescriptor, Standardize
from dsc_model.backbones.network import PhotoNetwork

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
