"""Generalised-mean (GeM) pooling of a feature map, eq. (8), and the l2-normalised feature, eq. (10)."""

import torch
from torch import Tensor, nn

GEM_P = 3.0
GEM_EPS = 1e-6


def gem(feature_map: Tensor, p: float | Tensor = GEM_P, eps: float = GEM_EPS) -> Tensor:
    """(n, F, h, w) to (n, F): (mean over the map of max(x, eps)^p)^(1/p), eq. (8).

    p = 1 is the mean, p towards infinity the maximum. Source: Radenović, Tolias and Chum, "Fine-tuning CNN
    image retrieval with no human annotation", eq. (3); eps is that of its published code.
    """
    pooled: Tensor = feature_map.clamp(min=eps).pow(p).mean(dim=(2, 3)).pow(1.0 / p)
    return pooled


def l2_normalize(vectors: Tensor, eps: float = GEM_EPS) -> Tensor:
    """(n, F) to (n, F) of length one; a vector shorter than eps is only divided by eps."""
    lengths: Tensor = torch.linalg.vector_norm(vectors, dim=1, keepdim=True)
    return vectors / lengths.clamp(min=eps)


class GemDescriptor(nn.Module):
    """Feature map to feature, eq. (10): l2-normalised GeM, then whitened and normalised again if asked.

    whitening: (W, b) with W (F', F) and b (F',), as learned end to end: q = l2n(W l2n(GeM) + b).
    """

    def __init__(self, p: float = GEM_P, whitening: tuple[Tensor, Tensor] | None = None) -> None:
        super().__init__()
        self.p = p
        self.whiten: nn.Linear | None = None
        if whitening is not None:
            weight, bias = whitening
            self.whiten = nn.Linear(weight.shape[1], weight.shape[0])
            self.whiten.load_state_dict({"weight": weight, "bias": bias})

    def forward(self, feature_map: Tensor) -> Tensor:
        """(n, C, h, w) to (n, F), length one."""
        pooled = l2_normalize(gem(feature_map, self.p))
        return pooled if self.whiten is None else l2_normalize(self.whiten(pooled))


class Standardize(nn.Module):
    """RGB in [0, 1] to the range that a network was trained on: (x − mean) / std for each channel."""

    mean: Tensor
    std: Tensor

    def __init__(self, mean: tuple[float, float, float], std: tuple[float, float, float]) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor(mean).view(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor(std).view(1, 3, 1, 1))

    def forward(self, image: Tensor) -> Tensor:
        """(n, 3, H, W) to (n, 3, H, W)."""
        return (image - self.mean) / self.std
