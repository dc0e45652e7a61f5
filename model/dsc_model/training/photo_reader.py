"""Pixels of photos for the network: read ahead of it, and kept in memory as far as a limit allows."""

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from threading import Lock

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dsc_common.features.images import load_pixels
from dsc_model.training.tuples import Photo

THREADS = 2
MAX_KEPT_BYTES = 1 << 30  # 3,400 photos of 362 x 272 pixels
_LEVELS = np.float32(255)


class PhotoReader:
    """Reads photos as a device does: (1, 3, H, W) float32 RGB in [0, 1].

    Args:
        longest_side: pixels to which the longest side of a photo is scaled.
        max_kept_bytes: of pixels that are kept; the first photos stay.
    """

    def __init__(self, longest_side: int, max_kept_bytes: int = MAX_KEPT_BYTES) -> None:
        self._longest_side, self._max_kept_bytes = longest_side, max_kept_bytes
        self._kept: dict[Photo, NDArray[np.uint8]] = {}
        self._kept_bytes = 0
        self._lock = Lock()

    def read(self, photo: Photo) -> Tensor:
        """The pixels of a photo.

        Raises:
            InvalidImageError: it cannot be read.
        """
        kept = self._kept.get(photo)
        if kept is not None:
            return torch.from_numpy(np.divide(kept, _LEVELS, dtype=np.float32))
        pixels = load_pixels(photo.path, self._longest_side, photo.box)
        self._keep(photo, pixels)
        return torch.from_numpy(pixels)

    def _keep(self, photo: Photo, pixels: NDArray[np.float32]) -> None:
        """Keep a photo as the levels that its pixels were made of."""
        with self._lock:
            if photo in self._kept or self._kept_bytes + pixels.size > self._max_kept_bytes:
                return
            self._kept[photo] = np.rint(pixels * _LEVELS).astype(np.uint8)
            self._kept_bytes += pixels.size

    def ahead(self, batches: Sequence[Sequence[Photo]]) -> Iterator[list[Tensor]]:
        """Pixels of each batch, in order; the next batch is read meanwhile.

        Raises:
            InvalidImageError: a photo cannot be read.
        """
        with ThreadPoolExecutor(THREADS) as pool:
            remaining = iter(batches)
            started: deque[list[Future[Tensor]]] = deque()

            def start(count: int) -> None:
                for batch in islice(remaining, count):
                    started.append([pool.submit(self.read, photo) for photo in batch])

            start(2)
            try:
                while started:
                    pixels = [future.result() for future in started.popleft()]
                    start(1)
                    yield pixels
            finally:
                for future in (future for batch in started for future in batch):
                    future.cancel()
