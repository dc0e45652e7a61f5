"""Features and labels of many photos, in bounded memory: features go to a memory-mapped file."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dsc_common.errors import InvalidImageError
from dsc_common.features.cached_extraction import extract_cached
from dsc_common.features.extraction import Extraction
from dsc_common.features.extractor import Extractor
from dsc_common.features.feature_cache import FeatureCache
from dsc_common.features.images import check_photo
from dsc_common.packet.labels import top_labels
from dsc_common.progress import Track, untracked
from dsc_server.building.photos import Photo
from dsc_server.building.presence import Presence
from dsc_server.building.tally import GONE, Tally
from dsc_server.building.writing import new_features
from dsc_server.scheme_specs import MAX_SPILL


class Extracted(NamedTuple):
    """Photos that were read, with what the extractor says of them.

    Attributes:
        photos: n photos.
        features: (n, F) float32, memory-mapped.
        labels: (n, A) int64: the A = 10 most likely labels of each (all K if there are fewer), most likely
            first.
    """

    photos: list[Photo]
    features: NDArray[np.float32]
    labels: NDArray[np.int64]


def readable_photos(
    photos: Sequence[Photo], tally: Tally, track: Track[Photo], presence: Presence | None = None
) -> list[Photo]:
    """The photos whose headers can be read; a quick check before the extraction."""
    presence = presence or Presence([])
    readable = []
    for photo in track(photos, "checking photos", len(photos)):
        try:
            check_photo(photo.path)
        except InvalidImageError as error:
            _leave_out(photo, error, tally, presence)
        else:
            readable.append(photo)
    presence.require_most(len(photos))
    return readable


def extract_all(
    photos: Sequence[Photo],
    extractor: Extractor,
    features_file: Path,
    tally: Tally,
    track: Track[Extraction | InvalidImageError] = untracked,
    presence: Presence | None = None,
    cache: FeatureCache | None = None,
) -> Extracted:
    """Features and labels of the photos, in their order.

    Args:
        photos: the photos.
        extractor: an exported backbone.
        features_file: temporary file for the features.
        tally: counts photos that cannot be read, which are left out.
        track: shows progress over photos.
        presence: the places of the photos.
        cache: features of earlier builds, by content; what is extracted is added batch by batch.

    Raises:
        InvalidInputError: a place or most photos vanished; a photo cannot be read, if `tally` is strict.
        OSError: there is no room for the file of features.
    """
    features = new_features(features_file, len(photos), extractor.info.feature_dim)
    num_labels = min(MAX_SPILL, len(extractor.info.labels))
    labels = np.zeros((len(photos), num_labels), dtype=np.int64)
    extracted: list[Photo] = []
    presence = presence or Presence([])
    extractions = extract_cached(extractor, [(photo.path, None) for photo in photos], cache, tally.keep)
    for photo, extraction in zip(photos, track(extractions, "extracting features", len(photos)), strict=True):
        if not isinstance(extraction, InvalidImageError):
            features[len(extracted)] = extraction.feature
            labels[len(extracted)] = top_labels(extraction.probabilities, num_labels)
            extracted.append(photo)
        else:
            _leave_out(photo, extraction, tally, presence)
    presence.require_most(len(photos))
    tally.extracted += len(extracted) - tally.kept
    return Extracted(extracted, features[: len(extracted)], labels[: len(extracted)])


def _leave_out(photo: Photo, error: InvalidImageError, tally: Tally, presence: Presence) -> None:
    if presence.is_gone(photo.path):
        tally.add(GONE, str(photo.path))
    else:
        tally.unreadable(error)
