"""Descriptors of many photos, without gradients: for mining, validation and whitening."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dsc_common.progress import Track
from dsc_model.training.feature_network import FeatureNetwork
from dsc_model.training.photo_reader import PhotoReader
from dsc_model.training.tuples import Photo

BATCH = 8


def describe_photos(
    network: FeatureNetwork,
    photos: Sequence[Photo],
    reader: PhotoReader,
    track: Track[list[Tensor]],
    task: str,
    *,
    mixed: bool = False,
) -> NDArray[np.float32]:
    """(n, F) descriptors of photos.

    Raises:
        InvalidImageError: a photo cannot be read.
    """
    batches = [photos[start : start + BATCH] for start in range(0, len(photos), BATCH)]
    with torch.no_grad():
        found = [
            network.describe(pixels, mixed=mixed).cpu().numpy()
            for pixels in track(reader.ahead(batches), task, len(batches))
        ]
    return np.concatenate(found)
