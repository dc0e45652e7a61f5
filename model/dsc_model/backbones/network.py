"""What every backbone is once its weights are loaded: a photo in, feature q and probabilities p out."""

import torch
from torch import Tensor, nn


class PhotoNetwork(nn.Module):
    """Feature network M_f and classifier M_c behind one call, eqs. (1) and (10).

    Args:
        trunk: images (n, 3, H, W) to feature maps (n, C, h, w).
        descriptor: feature maps to features (n, F).
        classifier: means of the maps (n, C) to logits (n, K).
        class_trunk: a separate trunk of the classifier; None: both read the same map, in one pass.
    """

    def __init__(
        self,
        trunk: nn.Module,
        descriptor: nn.Module,
        classifier: nn.Module,
        class_trunk: nn.Module | None = None,
    ) -> None:
        super().__init__()
        self.trunk = trunk
        self.descriptor = descriptor
        self.classifier = classifier
        self.class_trunk = class_trunk

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """(n, 3, H, W), RGB in [0, 1], to features (n, F) and probabilities (n, K)."""
        feature_map = self.trunk(image)
        class_map = feature_map if self.class_trunk is None else self.class_trunk(image)
        logits = self.classifier(class_map.mean(dim=(2, 3)))
        return self.descriptor(feature_map), torch.softmax(logits, dim=1)
