"""Extraction of many photos in their order, one photo per core at a time."""

import os
from collections import deque
from collections.abc import Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from dsc_common.errors import InvalidImageError
from dsc_common.features.extraction import Extraction
from dsc_common.features.extractor import Extractor
from dsc_common.features.images import Box

PHOTOS_AHEAD_PER_THREAD = 4
MOST_WAITING_PER_THREAD = 64  # with extractions that are known, and wait for their turn

Photo = tuple[Path, Box | None]


def extract_in_order(
    extractor: Extractor, photos: Iterable[Photo | Extraction]
) -> Generator[Extraction | InvalidImageError]:
    """Extractions of (photo, box) pairs in their order, one photo per core at a time.

    One thread per photo reads more photos per second than several threads on one photo (give the extractor
    threads=1). The number of photos in progress is bounded, and so is memory. `photos` is drawn from while
    photos are in progress; an extraction among them, already known, comes out in its place.
    """
    threads = os.cpu_count() or 1
    waiting: deque[Future[Extraction | InvalidImageError] | Extraction] = deque()
    in_progress = 0
    with ThreadPoolExecutor(threads) as pool:
        try:
            for photo in photos:
                if isinstance(photo, Extraction):
                    waiting.append(photo)
                else:
                    waiting.append(pool.submit(_extract, extractor, *photo))
                    in_progress += 1
                while waiting and (
                    isinstance(waiting[0], Extraction)
                    or in_progress >= threads * PHOTOS_AHEAD_PER_THREAD
                    or len(waiting) >= threads * MOST_WAITING_PER_THREAD
                ):
                    in_progress -= isinstance(waiting[0], Future)
                    yield _result(waiting.popleft())
            while waiting:
                yield _result(waiting.popleft())
        finally:
            for item in waiting:
                if isinstance(item, Future):
                    item.cancel()


def _result(item: Future[Extraction | InvalidImageError] | Extraction) -> Extraction | InvalidImageError:
    return item if isinstance(item, Extraction) else item.result()


def _extract(extractor: Extractor, path: Path, box: Box | None) -> Extraction | InvalidImageError:
    try:
        return extractor.extract(path, box)
    except InvalidImageError as error:
        return error
