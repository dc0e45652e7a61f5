"""Extraction of many photos through a feature cache: cached ones are read, the others computed and stored."""

import os
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from dsc_common.errors import InvalidImageError
from dsc_common.features.extraction import Extraction
from dsc_common.features.extractor import Extractor, ModelInfo
from dsc_common.features.feature_cache import FeatureCache, content_of, key_from
from dsc_common.features.images import Box
from dsc_common.features.parallel import extract_in_order

BATCH = max(64, 16 * (os.cpu_count() or 1))  # photos between two writes

Photo = tuple[Path, Box | None]
# A file that was changed later than this before it was read may change again without a new time stamp.
SETTLED_NS = 5_000_000_000


@dataclass(frozen=True)
class _Seen:
    """A photo's key, and the stamp that shows whether its file has changed since."""

    key: bytes
    stamp: bytes


def extract_cached(
    extractor: Extractor,
    photos: Sequence[Photo],
    cache: FeatureCache | None,
    on_hit: Callable[[], None] = lambda: None,
) -> Generator[Extraction | InvalidImageError]:
    """Extractions of (photo, box) pairs in their order, the same bytes with a cache and without.

    Args:
        extractor: an exported backbone.
        photos: paths, each with a box or None.
        cache: the cache, which gets what is computed after each batch.
        on_hit: called for each extraction that was cached.
    """
    if cache is None:
        yield from extract_in_order(extractor, photos)
        return
    for start in range(0, len(photos), BATCH):
        yield from _extract_batch(extractor, photos[start : start + BATCH], cache, on_hit)


def _extract_batch(
    extractor: Extractor, photos: Sequence[Photo], cache: FeatureCache, on_hit: Callable[[], None]
) -> Iterator[Extraction | InvalidImageError]:
    contents = _contents([path for path, _ in photos], cache)
    seen = [_look(photo, contents, extractor.info) for photo in photos]
    known = cache.get({item.key for item in seen if item is not None}, extractor.info)
    hits = [None if item is None else known.get(item.key) for item in seen]
    computed = extract_in_order(
        extractor, [photo for photo, hit in zip(photos, hits, strict=True) if not hit]
    )
    fresh: dict[bytes, Extraction] = {}
    try:
        for (path, _), item, hit in zip(photos, seen, hits, strict=True):
            if hit is not None:
                on_hit()
                yield hit
                continue
            extraction = next(computed)
            if isinstance(extraction, Extraction) and item is not None and item.stamp == _stamp(path):
                fresh[item.key] = extraction
            yield extraction
    finally:  # an interrupted run keeps what it has computed
        cache.put(fresh)


def _contents(paths: Sequence[Path], cache: FeatureCache) -> dict[Path, tuple[bytes, bytes]]:
    """(stamp, hash) of the content of each readable file; files that have not changed are not read."""
    stamps = {path: stamp for path in paths if (stamp := _stamp(path)) is not None}
    names = {path: os.fsencode(path.absolute()) for path in stamps}
    known = cache.contents({names[path]: stamp for path, stamp in stamps.items()})
    unknown = [path for path in stamps if names[path] not in known]
    with ThreadPoolExecutor() as pool:
        hashed = dict(zip(unknown, pool.map(_content, unknown), strict=True))
    contents: dict[Path, tuple[bytes, bytes]] = {}
    settled: dict[bytes, tuple[bytes, bytes]] = {}
    now = time.time_ns()
    for path, stamp in stamps.items():
        content = known.get(names[path]) or hashed.get(path)
        if content is not None:
            contents[path] = (stamp, content)
            if path in hashed and stamp == _stamp(path) and _is_settled(path, now):
                settled[names[path]] = (stamp, content)
    cache.put_contents(settled)
    return contents


def _content(path: Path) -> bytes | None:
    try:
        return content_of(path)
    except OSError:  # the extractor reports what is wrong
        return None


def _look(photo: Photo, contents: Mapping[Path, tuple[bytes, bytes]], model: ModelInfo) -> _Seen | None:
    path, box = photo
    if path not in contents:
        return None
    stamp, content = contents[path]
    return _Seen(key_from(content, box, model), stamp)


def _stamp(path: Path) -> bytes | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return f"{status.st_ino} {status.st_size} {status.st_mtime_ns} {status.st_ctime_ns}".encode()


def _is_settled(path: Path, now_ns: int) -> bool:
    try:
        status = path.stat()
    except OSError:
        return False
    return max(status.st_mtime_ns, status.st_ctime_ns) < now_ns - SETTLED_NS
