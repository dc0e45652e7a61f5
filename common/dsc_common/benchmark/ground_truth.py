"""Ground truth of a retrieval benchmark: the JSON format of this project, resolved to files."""

import math
from codecs import BOM_UTF8
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, replace
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from dsc_common.benchmark.photos_below import PhotosBelow, photos_below, real
from dsc_common.errors import InvalidInputError
from dsc_common.features.images import Box


class QueryEntry(BaseModel):
    """A query of a ground truth file; all images by name."""

    model_config = ConfigDict(extra="forbid")
    image: str
    box: Box | None = None
    positives: list[str]
    junk: list[str] = Field(default_factory=list)
    group: str | None = None


class GroundTruthFile(BaseModel):
    """Content of a ground truth file."""

    model_config = ConfigDict(extra="forbid")
    name: str
    images: list[str] = Field(min_length=1)
    distractors: list[str] = Field(default_factory=list)
    exclude_queries: bool = False
    queries: list[QueryEntry] = Field(min_length=1)


@dataclass(frozen=True)
class EvaluationQuery:
    """A query: its photo, the box of it that counts, and the database images that are right or left out.

    `positives` and `junk` are positions in the database.
    """

    path: Path
    box: Box | None
    positives: frozenset[int]
    junk: frozenset[int]
    group: str


@dataclass(frozen=True)
class Benchmark:
    """A database of photos and the queries asked of it.

    Attributes:
        name: of the data set, with its protocol where it has several.
        database: the photos, in the order of their positions.
        queries: each with at least one positive.
        notices: lines for a person, such as what an incomplete copy lacks.
    """

    name: str
    database: list[Path]
    queries: list[EvaluationQuery]
    notices: tuple[str, ...] = ()


def without_images(benchmark: Benchmark, removed: Set[int]) -> Benchmark:
    """The benchmark without some images of its database; queries that lose all positives go with them."""
    kept = [number for number in range(len(benchmark.database)) if number not in removed]
    position = {number: new for new, number in enumerate(kept)}
    moved = (
        replace(query, positives=_moved(query.positives, position), junk=_moved(query.junk, position))
        for query in benchmark.queries
    )
    queries = [query for query in moved if query.positives]
    return replace(benchmark, database=[benchmark.database[number] for number in kept], queries=queries)


def _moved(numbers: Set[int], position: dict[int, int]) -> frozenset[int]:
    return frozenset(position[number] for number in numbers if number in position)


def parse_ground_truth(path: Path) -> GroundTruthFile:
    """The content of a ground truth file, with all images by name.

    Raises:
        InvalidInputError: the file cannot be read, or is no ground truth.
    """
    try:
        return GroundTruthFile.model_validate_json(path.read_bytes().removeprefix(BOM_UTF8))
    except OSError as error:
        raise InvalidInputError(f"cannot read {path}: {error.strerror}") from error
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "the file"
        raise InvalidInputError(f"{path} is no ground truth: {place}: {first['msg']}") from error


def read_ground_truth(path: Path) -> Benchmark:
    """Read a ground truth file; its folders are relative to it.

    Raises:
        InvalidInputError: the file cannot be read, names photos that are not there, or has a query
            without positives, with images that are both positive and junk, or with a box that is none.
    """
    entry = parse_ground_truth(path)
    photos = photos_below([path.parent / folder for folder in entry.images])
    _require_present(entry, photos, path)
    names, position = _database(entry, photos)
    distractors, notices = _distractors(entry, photos, path.parent)
    queries = [resolve_query(query, photos.named, position, path) for query in entry.queries]
    notices = [*photos.notices(), *notices, *_wrong_themselves(entry, queries, position)]
    database = [*(photos.paths[name] for name in names), *distractors]
    return Benchmark(entry.name, database, queries, tuple(f"{entry.name}: {line}" for line in notices))


def _database(entry: GroundTruthFile, photos: PhotosBelow) -> tuple[list[str], dict[str, int]]:
    """Names of the database's photos, and the position of every name; held-out files have none."""
    named = photos.named
    held_out = {real(named[query.image]) for query in entry.queries} if entry.exclude_queries else set()
    first = {real(file): name for name, file in reversed(photos.paths.items())}
    names = [name for name, file in photos.paths.items() if first[real(file)] == name]
    names = [name for name in names if real(photos.paths[name]) not in held_out]
    of_file = {real(photos.paths[name]): number for number, name in enumerate(names)}
    return names, {name: of_file[real(file)] for name, file in named.items() if real(file) in of_file}


def _distractors(entry: GroundTruthFile, photos: PhotosBelow, folder: Path) -> tuple[list[Path], list[str]]:
    """Photos of the distractors' folders that are not among the images, and lines on the others."""
    found = photos_below([folder / name for name in entry.distractors])
    known = {real(file) for file in photos.paths.values()}
    added = [file for file in found.paths.values() if real(file) not in known]
    twice = len(found.paths) - len(added)
    line = f"{twice} distractors are also in the folders of images and are not added again"
    return added, [*found.notices(), *([line] if twice else [])]


def _wrong_themselves(
    entry: GroundTruthFile, queries: Sequence[EvaluationQuery], position: Mapping[str, int]
) -> list[str]:
    """A line where photos of queries are in the database and count as wrong answers."""
    wrong = [
        asked.image
        for asked, query in zip(entry.queries, queries, strict=True)
        if asked.image in position and position[asked.image] not in query.positives | query.junk
    ]
    if not wrong:
        return []
    return [
        f"{len(wrong)} query photos are in the database and count as wrong answers, first {wrong[0]}; "
        "exclude_queries leaves them out, junk ignores them"
    ]


def _require_present(entry: GroundTruthFile, photos: PhotosBelow, path: Path) -> None:
    named = {name for query in entry.queries for name in (query.image, *query.positives, *query.junk)}
    missing = sorted(named - photos.named.keys())
    passed = {name: why for name in missing if (why := photos.why_not(name))}
    if passed:
        first, why = next(iter(passed.items()))
        raise InvalidInputError(f"{path} names {len(passed)} files that are not read, first {first}: {why}")
    if missing:
        raise InvalidInputError(f"{path} names {len(missing)} photos that are not there, first {missing[0]}")


def resolve_query(
    query: QueryEntry, photos: Mapping[str, Path], position: Mapping[str, int], path: Path
) -> EvaluationQuery:
    """A query by positions in the database.

    Args:
        query: the query by names.
        photos: the photo of each name.
        position: position in the database of each name that is in it.
        path: the ground truth file, for error lines.

    Raises:
        InvalidInputError: no positive is in the database, an image is both positive and junk, or the box is
            none.
    """
    # A photo that is itself a query and held out cannot be found, so it is not expected.
    positives = frozenset(position[name] for name in query.positives if name in position)
    if not positives:
        raise InvalidInputError(f"{path}: the query {query.image} has no positives in the database")
    junk = frozenset(position[name] for name in query.junk if name in position)
    if positives & junk:
        raise InvalidInputError(f"{path}: the query {query.image} has images that are both positive and junk")
    if query.box is not None and not _is_box(query.box):
        raise InvalidInputError(f"{path}: expected a box x0 y0 x1 y1 of {query.image}, got {list(query.box)}")
    return EvaluationQuery(photos[query.image], query.box, positives, junk, query.group or query.image)


def _is_box(box: Box) -> bool:
    """Whether corners come in order; if the photo reaches that far is seen when it is read."""
    x0, y0, x1, y1 = box
    return 0 <= x0 < x1 < math.inf and 0 <= y0 < y1 < math.inf
