"""Extraction of many photos through a feature cache: cached ones are read, the others computed and stored."""

import os
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

from dsc_common.errors import InvalidImageError
from dsc_common.features.batches import extract_in_batches
from dsc_common.features.extraction import Extraction
from dsc_common.features.extractor import Extractor
from dsc_common.features.feature_cache import FeatureCache, content_of, key_from
from dsc_common.features.hardware import CPU
from dsc_common.features.parallel import Photo, extract_in_order

BATCH = max(64, 16 * (os.cpu_count() or 1))  # photos that are looked up, and written, together

# A file that was changed later than this before it was read may change again without a new time stamp.
SETTLED_NS = 5_000_000_000


@dataclass(frozen=True)
class _Seen:
    """A photo's key, the stamp that shows whether its file has changed since, and whether it is cached."""

    key: bytes
    stamp: bytes
    is_known: bool = False


def extract_cached(
    extractor: Extractor,
    photos: Sequence[Photo],
    cache: FeatureCache | None,
    on_hit: Callable[[], None] = lambda: None,
) -> Generator[Extraction | InvalidImageError]:
    """Extractions of (photo, box) pairs in their order.

    They are the same bytes with a cache and without; on a GPU to its precision, since the photos of a batch
    are those that are not cached.

    Args:
        extractor: an exported backbone.
        photos: paths, each with a box or None.
        cache: the cache, which gets what is computed, batch by batch.
        on_hit: called for each extraction that was cached.
    """
    if cache is None:
        yield from _extractions(extractor, photos)
        return
    looked_up: deque[_Seen | None] = deque()
    fresh: dict[bytes, Extraction] = {}
    with closing(
        _extractions(extractor, _known_or_photos(photos, extractor, cache, looked_up))
    ) as extractions:
        try:
            for (path, _), extraction in zip(photos, extractions, strict=True):
                seen = looked_up.popleft()
                if seen is not None and seen.is_known:
                    on_hit()
                elif isinstance(extraction, Extraction) and seen is not None and seen.stamp == _stamp(path):
                    fresh[seen.key] = extraction
                    if len(fresh) >= BATCH:
                        cache.put(fresh)
                        fresh.clear()
                yield extraction
        finally:  # an interrupted run keeps what it has computed
            cache.put(fresh)


def _extractions(
    extractor: Extractor, photos: Iterable[Photo | Extraction]
) -> Generator[Extraction | InvalidImageError]:
    if extractor.batch > 1 or extractor.hardware != CPU:  # one GPU has one run at a time
        return extract_in_batches(extractor, photos, extractor.batch)
    return extract_in_order(extractor, photos)


def _known_or_photos(
    photos: Sequence[Photo], extractor: Extractor, cache: FeatureCache, looked_up: deque[_Seen | None]
) -> Iterator[Photo | Extraction]:
    """For each photo its cached extraction, or else the photo itself; what was seen of it is appended.

    A batch is looked up while photos of the last one are extracted.
    """
    for start in range(0, len(photos), BATCH):
        batch = photos[start : start + BATCH]
        contents = _contents([path for path, _ in batch], cache)
        seen = [_look(photo, contents, extractor) for photo in batch]
        known = cache.get({item.key for item in seen if item is not None}, extractor.info)
        for photo, item in zip(batch, seen, strict=True):
            hit = None if item is None else known.get(item.key)
            looked_up.append(item if item is None or hit is None else replace(item, is_known=True))
            yield photo if hit is None else hit


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


def _look(photo: Photo, contents: Mapping[Path, tuple[bytes, bytes]], extractor: Extractor) -> _Seen | None:
    path, box = photo
    if path not in contents:
        return None
    stamp, content = contents[path]
    return _Seen(key_from(content, box, extractor.info, extractor.hardware), stamp)


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
