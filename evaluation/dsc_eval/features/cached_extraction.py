"""Extraction of many photos through a feature cache: cached ones are read, the others computed and stored."""

from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from dsc_common.errors import InvalidImageError
from dsc_common.features.extractor import Extraction, Extractor, ModelInfo
from dsc_common.features.images import Box
from dsc_common.features.parallel import extract_in_order
from dsc_eval.features.feature_cache import FeatureCache, key_of

BATCH = 64  # photos between two writes

Photo = tuple[Path, Box | None]
_Stamp = tuple[int, int, int]


@dataclass(frozen=True)
class _Seen:
    """A photo's key, and the stamp that shows whether its file has changed since."""

    key: bytes
    stamp: _Stamp


def extract_cached(
    extractor: Extractor, photos: Sequence[Photo], cache: FeatureCache | None
) -> Generator[Extraction | InvalidImageError]:
    """Extractions of (photo, box) pairs in their order, the same bytes with a cache and without."""
    if cache is None:
        yield from extract_in_order(extractor, photos)
        return
    for start in range(0, len(photos), BATCH):
        yield from _extract_batch(extractor, photos[start : start + BATCH], cache)


def _extract_batch(
    extractor: Extractor, photos: Sequence[Photo], cache: FeatureCache
) -> Iterator[Extraction | InvalidImageError]:
    seen = [_look(photo, extractor.info) for photo in photos]
    known = cache.get({item.key for item in seen if item is not None}, extractor.info)
    hits = [None if item is None else known.get(item.key) for item in seen]
    computed = extract_in_order(
        extractor, [photo for photo, hit in zip(photos, hits, strict=True) if not hit]
    )
    fresh: dict[bytes, Extraction] = {}
    try:
        for (path, _), item, hit in zip(photos, seen, hits, strict=True):
            if hit is not None:
                yield hit
                continue
            extraction = next(computed)
            if isinstance(extraction, Extraction) and item is not None and item.stamp == _stamp(path):
                fresh[item.key] = extraction
            yield extraction
    finally:  # an interrupted run keeps what it has computed
        cache.put(fresh)


def _look(photo: Photo, model: ModelInfo) -> _Seen | None:
    path, box = photo
    stamp = _stamp(path)
    try:
        return None if stamp is None else _Seen(key_of(path, box, model), stamp)
    except OSError:  # the extractor reports what is wrong
        return None


def _stamp(path: Path) -> _Stamp | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return (status.st_ino, status.st_size, status.st_mtime_ns)
