"""A local copy of a data set: its photos by name, and one line on missing ones."""

from collections.abc import Collection
from dataclasses import replace
from pathlib import Path, PurePosixPath

from dsc_common.benchmark.ground_truth import Benchmark
from dsc_common.benchmark.photos_below import photos_below
from dsc_common.errors import InvalidInputError
from dsc_common.features.images import Box, upright_size


def photos_by_name(folder: Path, passed_over: Collection[str] = ()) -> dict[str, Path]:
    """Photos at any depth below a folder, by file name without its suffix, in the order of the names.

    Args:
        folder: where the data set was unpacked.
        passed_over: names of folders below it whose photos are not the data set's.

    Raises:
        InvalidInputError: no such folder, no photo in it, or two photos of one name.
    """
    photos: dict[str, Path] = {}
    for below, path in photos_below([folder]).paths.items():
        if any(part in passed_over for part in PurePosixPath(below).parts[:-1]):
            continue
        if path.stem in photos:
            raise InvalidInputError(f"two photos are called {path.stem}: {photos[path.stem]} and {path}")
        photos[path.stem] = path
    if not photos:
        raise InvalidInputError(f"no photos in {folder}")
    return dict(sorted(photos.items()))


def complete(
    benchmark: Benchmark, *, present: int, expected: int, expected_queries: int, missing: Collection[str]
) -> Benchmark:
    """The benchmark of a copy, with one line more on what the copy lacks, where it lacks something.

    Args:
        benchmark: what there is, and the queries that can be asked.
        present: photos of the data set that are there.
        expected: photos of a whole copy.
        expected_queries: of a whole copy.
        missing: names of photos that are known to be missing; perhaps not all.

    Raises:
        InvalidInputError: no query is left.
    """
    lacking, left_out = max(expected - present, len(missing)), expected_queries - len(benchmark.queries)
    parts = []
    if lacking:
        first = f", first {min(missing)}" if missing else ""
        parts.append(f"{lacking} of {expected} images are missing{first}")
    if left_out > 0:
        parts.append(f"{left_out} of {expected_queries} queries are left out")
    line = f"{benchmark.name}: {'; '.join(parts)}"
    if not benchmark.queries:
        raise InvalidInputError(f"{line}: no query is left")
    return replace(benchmark, notices=(line, *benchmark.notices)) if parts else benchmark


def clip_boxes(benchmark: Benchmark) -> Benchmark:
    """The benchmark with its queries' boxes cut at the edges of their photos, and a line if any was."""
    queries = [
        query if query.box is None else replace(query, box=clip_box(query.path, query.box))
        for query in benchmark.queries
    ]
    cut = sum(new.box != old.box for new, old in zip(queries, benchmark.queries, strict=True))
    if not cut:
        return benchmark
    line = f"{benchmark.name}: {cut} boxes of queries reach beyond their photos and are cut at the edge"
    return replace(benchmark, queries=queries, notices=(*benchmark.notices, line))


def clip_box(path: Path, box: Box) -> Box:
    """The part of a box that is inside its photo.

    A photo that cannot be opened leaves the box as it is; reading it will tell.

    Raises:
        InvalidInputError: no part of the box is inside the photo.
    """
    try:
        width, height = upright_size(path)
    except InvalidInputError:
        return box
    x0, y0, x1, y1 = box
    clipped = (max(x0, 0.0), max(y0, 0.0), min(x1, float(width)), min(y1, float(height)))
    if not (clipped[0] < clipped[2] and clipped[1] < clipped[3]):
        raise InvalidInputError(f"the box {list(box)} is outside of {width} x {height} pixels: {path}")
    return clipped
