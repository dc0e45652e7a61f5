"""The network that is trained: a trunk, and GeM with a learned p; BatchNorm keeps its statistics."""

import copy
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from dsc_model.backbones.gem import GemDescriptor, gem, l2_normalize
from dsc_model.backbones.network import PhotoNetwork

P = "p"


class FeatureNetwork(nn.Module):
    """M_f: photos to descriptors of length one, eqs. (8) and (10), for training.

    It is always in evaluation mode: BatchNorm uses the statistics that came with the weights.

    Args:
        network: an exported network before its export; it is copied, and stays as it is.
    """

    def __init__(self, network: PhotoNetwork) -> None:
        super().__init__()
        descriptor = network.descriptor
        if not isinstance(descriptor, GemDescriptor):
            raise TypeError(f"expected a GemDescriptor, got {type(descriptor).__name__}")
        self.trunk = copy.deepcopy(network.trunk)
        self.whiten = copy.deepcopy(descriptor.whiten)
        self.p = nn.Parameter(torch.tensor([float(descriptor.p)]))
        self.to(memory_format=torch.channels_last)  # faster on a CPU as well
        self.eval()

    def forward(self, images: Tensor) -> Tensor:
        """(n, 3, H, W), RGB in [0, 1], to (n, F)."""
        feature_map = self.trunk(images).float()
        pooled = l2_normalize(gem(feature_map, self.p))
        return pooled if self.whiten is None else l2_normalize(self.whiten(pooled))

    def describe(self, photos: Sequence[Tensor], *, mixed: bool = False) -> Tensor:
        """Photos, each (1, 3, H, W) of any size, to (n, F); those of one size go through as one batch."""
        rows: dict[tuple[int, ...], list[int]] = {}
        for row, photo in enumerate(photos):
            rows.setdefault(tuple(photo.shape), []).append(row)
        device = self.p.device
        found: list[Tensor] = [torch.empty(0)] * len(photos)
        for same in rows.values():
            batch = torch.cat([photos[row] for row in same])
            batch = batch.to(device, memory_format=torch.channels_last, non_blocking=True)
            with torch.autocast(device.type, torch.bfloat16, enabled=mixed):
                descriptors = self(batch)
            for row, descriptor in zip(same, descriptors, strict=True):
                found[row] = descriptor
        return torch.stack(found)

    def trained(self, example: Tensor) -> dict[str, nn.Parameter]:
        """Parameters that the descriptor of a photo (1, 3, H, W) depends on, by name; others are frozen."""
        torch.autograd.backward(self(example.to(self.p.device)).sum())
        parameters = dict(self.named_parameters())
        for parameter in parameters.values():
            parameter.requires_grad_(parameter.grad is not None)
            parameter.grad = None
        return {name: parameter for name, parameter in parameters.items() if parameter.requires_grad}

    def photo_network(self, original: PhotoNetwork) -> PhotoNetwork:
        """M_f with the untouched classifier M_c of the network that training started from.

        It is that network itself where no parameter differs: one trunk is enough then.
        """
        before = FeatureNetwork(original).state_dict()
        if all(torch.equal(before[name], value.cpu()) for name, value in self.state_dict().items()):
            return original
        whiten = self.whiten
        whitening = None if whiten is None else (whiten.weight.detach().cpu(), whiten.bias.detach().cpu())
        return PhotoNetwork(
            copy.deepcopy(self.trunk).cpu(),
            GemDescriptor(float(self.p.detach().cpu()), whitening),
            original.classifier,
            original.trunk if original.class_trunk is None else original.class_trunk,
        ).eval()
