"""Extraction of many photos in their order, in batches of photos of one shape, for a GPU.

Which photos form a batch depends on their order and shapes, and on which extractions are known before.
"""

from collections import defaultdict, deque
from collections.abc import Generator, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from dsc_common.errors import InvalidImageError
from dsc_common.features.extraction import Extraction
from dsc_common.features.extractor import Extractor
from dsc_common.features.parallel import Photo

BATCHES_IN_CHUNK = 4  # photos of several shapes make full batches, and the cores have something to read

_Read = NDArray[np.float32] | InvalidImageError
_Item = Future[_Read] | Extraction


def extract_in_batches(
    extractor: Extractor, photos: Iterable[Photo | Extraction], batch: int
) -> Generator[Extraction | InvalidImageError]:
    """Extractions of (photo, box) pairs in their order; `extract_in_order` with batches.

    Photos are read by all cores, a chunk of a few batches ahead of the network: two chunks are in memory.

    Args:
        extractor: an exported backbone.
        photos: the photos; an extraction among them, already known, comes out in its place.
        batch: photos of one run of the network, at most.
    """
    size = BATCHES_IN_CHUNK * batch
    source = iter(photos)
    chunks: deque[list[_Item]] = deque()
    with ThreadPoolExecutor() as pool:
        try:
            while items := [
                item if isinstance(item, Extraction) else pool.submit(_read, extractor, item)
                for item in islice(source, size)
            ]:
                chunks.append(items)
                if len(chunks) > 1:
                    yield from _run(extractor, chunks.popleft(), batch)
            while chunks:
                yield from _run(extractor, chunks.popleft(), batch)
        finally:
            pool.shutdown(cancel_futures=True)


def _read(extractor: Extractor, photo: Photo) -> _Read:
    try:
        return extractor.pixels(*photo)
    except InvalidImageError as error:
        return error


def _run(extractor: Extractor, items: Sequence[_Item], batch: int) -> list[Extraction | InvalidImageError]:
    """The extractions of a chunk, in its order."""
    found: dict[int, Extraction | InvalidImageError] = {}
    by_shape: dict[tuple[int, ...], list[tuple[int, NDArray[np.float32]]]] = defaultdict(list)
    for place, item in enumerate(items):
        read = item.result() if isinstance(item, Future) else item
        if isinstance(read, np.ndarray):
            by_shape[read.shape].append((place, read))
        else:
            found[place] = read
    for photos in by_shape.values():
        for start in range(0, len(photos), batch):
            places, pixels = zip(*photos[start : start + batch], strict=True)
            found.update(zip(places, extractor.run_batch(pixels), strict=True))
    return [found[place] for place in range(len(items))]
