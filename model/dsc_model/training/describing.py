"""Descriptors of many photos, without gradients: for mining, validation and whitening."""

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dsc_common.features.images import load_pixels
from dsc_common.progress import Track
from dsc_model.training.feature_network import FeatureNetwork
from dsc_model.training.tuples import Photo

BATCH = 8
READERS = 4  # threads that decode photos while the network works


def read_ahead(batches: Sequence[Sequence[Photo]], longest_side: int) -> Iterator[list[Tensor]]:
    """Pixels of each batch, in order: each photo (1, 3, H, W); the next batch is read meanwhile.

    Raises:
        InvalidImageError: a photo cannot be read.
    """

    def read(photo: Photo) -> Tensor:
        return torch.from_numpy(load_pixels(photo.path, longest_side, photo.box))

    with ThreadPoolExecutor(READERS) as pool:
        remaining = iter(batches)
        started: deque[list[Future[Tensor]]] = deque()

        def start(count: int) -> None:
            for batch in islice(remaining, count):
                started.append([pool.submit(read, photo) for photo in batch])

        start(2)
        try:
            while started:
                pixels = [future.result() for future in started.popleft()]
                start(1)
                yield pixels
        finally:
            for batch in started:
                for future in batch:
                    future.cancel()


def describe_photos(
    network: FeatureNetwork,
    photos: Sequence[Photo],
    longest_side: int,
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
            for pixels in track(read_ahead(batches, longest_side), task, len(batches))
        ]
    return np.concatenate(found)
