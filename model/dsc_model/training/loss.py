"""The contrastive loss of a tuple, eq. (9): matched pairs move together, other pairs apart to the margin."""

import torch
from torch import Tensor

EPS = 1e-6  # of a distance: the root of 0 has no gradient


def pair_distances(descriptors: Tensor) -> Tensor:
    """(1 + n, F) to (n,): Euclidean distances of the first row to each other row."""
    squares = (descriptors[1:] - descriptors[:1]).square().sum(dim=1)
    return (squares + EPS**2).sqrt()


def contrastive_loss(distances: Tensor, matched: Tensor, margin: float) -> Tensor:
    """Sum over pairs of ½ d² where they match, and of ½ max(0, τ − d)² where they do not, eq. (9).

    Args:
        distances: (n,) of pairs.
        matched: (n,) bool.
        margin: τ.
    """
    apart = (margin - distances).clamp(min=0)
    return 0.5 * torch.where(matched, distances, apart).square().sum()
