"""Extraction of many photos in their order, one photo per core at a time."""

import os
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from dsc_common.errors import InvalidImageError
from dsc_common.features.extraction import Extraction
from dsc_common.features.extractor import Extractor
from dsc_common.features.images import Box

PHOTOS_AHEAD_PER_THREAD = 4


def extract_in_order(
    extractor: Extractor, photos: Iterable[tuple[Path, Box | None]]
) -> Iterator[Extraction | InvalidImageError]:
    """Extractions of (photo, box) pairs in their order, one photo per core at a time.

    One thread per photo reads more photos per second than several threads on one photo (give the extractor
    threads=1). The number of photos in progress is bounded, and so is memory.
    """
    threads = os.cpu_count() or 1
    waiting: deque[Future[Extraction | InvalidImageError]] = deque()
    with ThreadPoolExecutor(threads) as pool:
        try:
            for path, box in photos:
                waiting.append(pool.submit(_extract, extractor, path, box))
                if len(waiting) >= threads * PHOTOS_AHEAD_PER_THREAD:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()


def _extract(extractor: Extractor, path: Path, box: Box | None) -> Extraction | InvalidImageError:
    try:
        return extractor.extract(path, box)
    except InvalidImageError as error:
        return error
