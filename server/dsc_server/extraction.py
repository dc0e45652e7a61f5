"""Features and labels of many photos, in bounded memory: features go to a memory-mapped file."""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dsc_common.errors import InvalidImageError
from dsc_common.extractor import Extraction, Extractor
from dsc_common.images import Box, check_photo
from dsc_common.labels import top_labels
from dsc_server.indexing import Track, untracked
from dsc_server.photos import Photo
from dsc_server.scheme_specs import MAX_SPILL

PHOTOS_AHEAD_PER_THREAD = 4


def readable_photos(
    photos: Sequence[Photo], on_unreadable: Callable[[InvalidImageError], None], track: Track[Photo]
) -> list[Photo]:
    """The photos whose headers can be read; cheap, and done before the long work begins."""
    readable = []
    for photo in track(photos, "checking photos", len(photos)):
        try:
            check_photo(photo.path)
        except InvalidImageError as error:
            on_unreadable(error)
        else:
            readable.append(photo)
    return readable


def extract_all(
    photos: Sequence[Photo],
    extractor: Extractor,
    features_file: Path,
    on_unreadable: Callable[[InvalidImageError], None],
    track: Track[Extraction | InvalidImageError] = untracked,
) -> tuple[list[Photo], NDArray[np.float32], NDArray[np.int64]]:
    """Features and labels of the photos, in their order.

    Args:
        photos: what to read.
        extractor: an exported backbone.
        features_file: where the features are kept while they are needed.
        on_unreadable: called for a photo that cannot be decoded; the photo is left out if this returns.
        track: shows progress over photos.

    Returns:
        The n photos that were read; features (n, F) float32, memory-mapped; labels (n, A) int64: the A = 10
        most likely labels of each (all K if there are fewer), most likely first.
    """
    shape = (len(photos), extractor.info.feature_dim)
    features = np.lib.format.open_memmap(features_file, mode="w+", dtype=np.float32, shape=shape)
    kept_labels = min(MAX_SPILL, len(extractor.info.labels))
    labels = np.zeros((len(photos), kept_labels), dtype=np.int64)
    read: list[Photo] = []
    extractions = extract_in_order(extractor, ((photo.path, None) for photo in photos))
    for photo, extraction in zip(photos, track(extractions, "extracting features", len(photos)), strict=True):
        if isinstance(extraction, InvalidImageError):
            on_unreadable(extraction)
            continue
        features[len(read)] = extraction.feature
        labels[len(read)] = top_labels(extraction.probabilities, kept_labels)
        read.append(photo)
    return read, features[: len(read)], labels[: len(read)]


def extract_in_order(
    extractor: Extractor, photos: Iterable[tuple[Path, Box | None]]
) -> Iterator[Extraction | InvalidImageError]:
    """Extractions of (photo, box) pairs in their order, one photo per core at a time.

    One thread per photo reads more photos per second than several threads on one photo (give the extractor
    threads=1). A few photos are under way at a time, so memory is bounded however many there are.
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
