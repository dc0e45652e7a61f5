"""Features and labels of many photos, in bounded memory: features go to a memory-mapped file."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dsc_common.errors import InvalidImageError
from dsc_common.features.extractor import Extraction, Extractor
from dsc_common.features.images import check_photo
from dsc_common.features.parallel import extract_in_order
from dsc_common.files.room import take_room
from dsc_common.packet.labels import top_labels
from dsc_common.progress import Track, untracked
from dsc_server.building.photos import Photo
from dsc_server.scheme_specs import MAX_SPILL


def readable_photos(
    photos: Sequence[Photo], on_unreadable: Callable[[InvalidImageError], None], track: Track[Photo]
) -> list[Photo]:
    """The photos whose headers can be read; a quick check before the extraction."""
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
        photos: the photos.
        extractor: an exported backbone.
        features_file: temporary file for the features.
        on_unreadable: called for a photo that cannot be decoded; if it returns, the photo is skipped.
        track: shows progress over photos.

    Returns:
        The n photos that were read; features (n, F) float32, memory-mapped; labels (n, A) int64: the A = 10
        most likely labels of each (all K if there are fewer), most likely first.
    """
    shape = (len(photos), extractor.info.feature_dim)
    features = np.lib.format.open_memmap(features_file, mode="w+", dtype=np.float32, shape=shape)
    take_room(features_file, features_file.stat().st_size)
    num_labels = min(MAX_SPILL, len(extractor.info.labels))
    labels = np.zeros((len(photos), num_labels), dtype=np.int64)
    extracted: list[Photo] = []
    extractions = extract_in_order(extractor, ((photo.path, None) for photo in photos))
    for photo, extraction in zip(photos, track(extractions, "extracting features", len(photos)), strict=True):
        if isinstance(extraction, InvalidImageError):
            on_unreadable(extraction)
            continue
        features[len(extracted)] = extraction.feature
        labels[len(extracted)] = top_labels(extraction.probabilities, num_labels)
        extracted.append(photo)
    return extracted, features[: len(extracted)], labels[: len(extracted)]
