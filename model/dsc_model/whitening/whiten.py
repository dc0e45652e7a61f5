"""Photos and their matches → a file with the whitening of a network's features: `dsc-model whiten`."""

from collections.abc import Callable
from contextlib import closing, nullcontext
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dsc_common.errors import InvalidImageError, InvalidInputError
from dsc_common.features.cached_extraction import extract_cached
from dsc_common.features.extractor import Extractor
from dsc_common.features.feature_cache import FeatureCache
from dsc_common.features.hardware import CPU, Hardware
from dsc_common.progress import Track, untracked
from dsc_model.model_file import check_target
from dsc_model.training.sources.reading import read_data
from dsc_model.training.tuples import Photo, TrainingSet
from dsc_model.whitening.file import Whitening, write_whitening
from dsc_model.whitening.learning import SHRINKAGE, learn_whitening


def whiten(
    network: Path,
    data: Path,
    out: Path,
    shrinkage: float = SHRINKAGE,
    *,
    hardware: Hardware = CPU,
    store: Path | None = None,
    say: Callable[[str], None] = lambda _line: None,
    track: Track[Any] = untracked,
) -> Whitening:
    """Learn the whitening of a network's features from the matches in `data`, and write it to `out`.

    A photo that cannot be read is left out, with its pairs.

    Args:
        network: an exported network.
        data: as `read_data` reads it.
        out: the file to write.
        shrinkage: λ of `learn_whitening`.
        hardware: where the network computes.
        store: folder in which features are kept; None keeps none.
        say: receives lines for a person.
        track: shows progress over photos.

    Raises:
        DamagedIndexError: the file is no exported network.
        InvalidInputError: the data has no pair of photos that can be read, or `out` cannot be made.
        DscError: the file cannot be written, or there is no GPU.
    """
    check_target(out, "the whitening")
    extractor = Extractor.from_file(network, threads=1, hardware=hardware)
    read = read_data(data)
    for notice in read.notices:
        say(notice)
    pairs = pairs_of(read)
    if not len(pairs):
        raise InvalidInputError(f"{read.name} has no two photos of one group: there is no pair to learn from")
    used, positions = np.unique(pairs, return_inverse=True)
    photos = [read.photos[number] for number in used.tolist()]
    features, kept = _features(photos, extractor, store, say, track)
    pairs = positions.reshape(pairs.shape)
    pairs = pairs[kept[pairs].all(axis=1)]
    if not len(pairs):
        raise InvalidInputError(f"{read.name} has no pair of photos that can be read")
    used, positions = np.unique(pairs, return_inverse=True)
    mean, projection = learn_whitening(features[used], positions.reshape(pairs.shape), shrinkage)
    whitening = Whitening(mean, projection, extractor.info.sha256, read.name, len(pairs))
    write_whitening(out, whitening)
    return whitening


def pairs_of(data: TrainingSet) -> NDArray[np.int64]:
    """(m, 2) int64: each query with each of its positives, by the position of the photo."""
    of_query = [
        np.column_stack([np.full(len(positives), query), positives])
        for query, positives in zip(data.queries.tolist(), data.positives, strict=True)
    ]
    return np.concatenate([np.zeros((0, 2), dtype=np.int64), *of_query]).astype(np.int64)


def _features(
    photos: list[Photo],
    extractor: Extractor,
    store: Path | None,
    say: Callable[[str], None],
    track: Track[Any],
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Features (n, F) of photos, and which of the photos could be read."""
    features = np.zeros((len(photos), extractor.info.feature_dim), dtype=np.float32)
    kept = np.ones(len(photos), dtype=np.bool_)
    asked = [(photo.path, photo.box) for photo in photos]
    with (
        nullcontext() if store is None else FeatureCache(store, say) as cache,
        closing(extract_cached(extractor, asked, cache)) as source,
    ):
        for row, found in enumerate(track(source, "extracting features", len(photos))):
            if isinstance(found, InvalidImageError):
                say(f"left out: {found}")
                kept[row] = False
            else:
                features[row] = found.feature
    return features, kept
