"""Writes a database of photos and held-out query views of them, with the ground truth of which shows what."""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from unicodedata import normalize
from zlib import crc32

import numpy as np
from PIL import Image

from dsc_common.errors import InvalidImageError, InvalidInputError
from dsc_common.files.names import as_text
from dsc_demo.photos import load_photo, photos_below
from dsc_demo.scenes import shipped_scenes
from dsc_demo.views import DIFFICULTIES, MILD_VIEWS, Difficulty, difficult_view
from dsc_server.building.photos import Photo

JPEG_QUALITY = 90
OWN_SCENES = 12
_MIN_SIDE = 8  # of a photo, in pixels: views cover and cut parts of it


@dataclass(frozen=True)
class Query:
    """A held-out view: its file, its scene, and the database images that are right answers.

    `positives` are paths below the database folder, with forward slashes.
    """

    path: Path
    scene: str
    difficulty: Difficulty
    positives: frozenset[str]


@dataclass(frozen=True)
class Gallery:
    """A database folder, and the queries that are asked of it.

    Attributes:
        database: the folder.
        photos: how many photos it offers.
        queries: the views that are asked for.
        paths: of the user's photos, by the ids that a server gives them.
    """

    database: Path
    photos: int
    queries: tuple[Query, ...]
    paths: Mapping[str, Path] = field(default_factory=dict)

    @property
    def scenes(self) -> tuple[str, ...]:
        """The names of the scenes that are asked for, in order and without repeats."""
        return tuple(dict.fromkeys(query.scene for query in self.queries))

    def is_right(self, query: Query, image_id: str) -> bool:
        """Tell whether a server's image id, `<database folder's name>/<path below it>`, answers the query."""
        folder, _, below = image_id.partition("/")
        return folder == as_text(self.database.name) and below in query.positives

    def path_of(self, image_id: str) -> Path:
        """Return where the database image of a server's image id lies."""
        return self.paths.get(image_id, self.database / image_id.partition("/")[2])


@dataclass(frozen=True)
class _Subject:
    """Source of queries: a scene's photo, its right answers, and a shot that is a view already."""

    name: str
    image: Image.Image
    positives: frozenset[str]
    other_viewpoint: Path | None = None


def write_gallery(out: Path, seed: int = 0) -> Gallery:
    """Write `out`/photos, `out`/queries and `out`/ground_truth.json from the photos that packages ship.

    Each scene gets `photos/<scene>-0.jpg` (the photo itself) and mild views of it, and under each of the
    paper's difficulties a held-out `queries/<scene>-<difficulty>.jpg`. The same seed and the same packages
    give the same files.

    Raises:
        InvalidInputError: no package that ships photos is installed.
    """
    subjects = []
    for scene in shipped_scenes():
        image = load_photo(scene.photo)
        names = _write_photos(out / "photos", scene.name, image, seed)
        subjects.append(_Subject(scene.name, image, names, scene.other_viewpoint))
    queries = _write_queries(out / "queries", subjects, seed)
    photos = sum(len(subject.positives) for subject in subjects)
    return _with_ground_truth(Gallery((out / "photos").resolve(), photos, queries), out, "photos")


def write_own_gallery(
    images: Path,
    out: Path,
    seed: int = 0,
    scenes: int = OWN_SCENES,
    on_left_out: Callable[[InvalidImageError], None] = lambda _: None,
) -> Gallery:
    """Write `out`/queries and `out`/ground_truth.json for a folder of the user's photos, itself the database.

    Each photo is a separate scene. Up to `scenes` of them, evenly spread, get a query for each difficulty.
    Files that cannot be read and photos too small to be asked for are left out; `on_left_out` is called.

    Raises:
        InvalidInputError: there is no photo in the folder, or none that can be asked for.
    """
    photos = photos_below(images)
    images = images.expanduser().resolve()
    subjects = list(_own_subjects(_spread(photos, scenes), on_left_out)) or list(
        islice(_own_subjects(photos, lambda _: None), scenes)
    )
    if not subjects:
        raise InvalidInputError(
            f"none of the {len(photos)} photos in {images} can be read, or none is large enough"
        )
    queries = _write_queries(out / "queries", subjects, seed)
    gallery = Gallery(images, len(photos), queries, {photo.id: photo.path for photo in photos})
    return _with_ground_truth(gallery, out, _name_in_json(images, out))


def _name_in_json(images: Path, out: Path) -> str:
    """Return the folder's path, or a link to it in `out` if its name is not UTF-8 and so not for JSON."""
    if as_text(str(images)) == str(images):
        return str(images)
    (out / "images").symlink_to(images)
    return "images"


def _rng(seed: int, *key: str) -> np.random.Generator:
    """Return a generator keyed on the seed and on names: no view depends on the others."""
    return np.random.default_rng([seed, crc32("/".join(key).encode())])


def _write_photos(folder: Path, name: str, image: Image.Image, seed: int) -> frozenset[str]:
    """Write a scene's photo and its mild views; return the file names."""
    folder.mkdir(parents=True, exist_ok=True)
    views = [image, *(view(image, _rng(seed, name, view.__name__)) for view in MILD_VIEWS)]
    for k, view in enumerate(views):
        view.save(folder / f"{name}-{k}.jpg", quality=JPEG_QUALITY)
    return frozenset(f"{name}-{k}.jpg" for k in range(len(views)))


def _write_queries(folder: Path, subjects: Sequence[_Subject], seed: int) -> tuple[Query, ...]:
    """Write each subject under each difficulty, the next subject's photo being what occludes it."""
    folder.mkdir(parents=True, exist_ok=True)
    queries = []
    for subject, cover in zip(subjects, [*subjects[1:], subjects[0]], strict=True):
        for difficulty in DIFFICULTIES:
            path = folder.resolve() / f"{subject.name}-{difficulty}.jpg"
            _view(subject, difficulty, cover, seed).save(path, quality=JPEG_QUALITY)
            queries.append(Query(path, subject.name, difficulty, subject.positives))
    return tuple(queries)


def _view(subject: _Subject, difficulty: Difficulty, cover: _Subject, seed: int) -> Image.Image:
    if difficulty == "perspective" and subject.other_viewpoint is not None:
        return load_photo(subject.other_viewpoint)
    front = cover.image if cover is not subject else cover.image.rotate(180)
    return difficult_view(subject.image, difficulty, front, _rng(seed, subject.name, difficulty))


def _spread(photos: Sequence[Photo], count: int) -> list[Photo]:
    """Return at most `count` of the photos, evenly spread over them."""
    picks = np.linspace(0, len(photos) - 1, min(count, len(photos))).round().astype(int)
    return [photos[i] for i in picks]


def _plain(name: str) -> str:
    """Return a file's name in at most 24 ASCII letters, digits and dashes."""
    letters = normalize("NFKD", name).encode("ascii", "ignore").decode()
    return re.sub(r"[^A-Za-z0-9]+", "-", letters).strip("-")[:24]


def _own_subjects(
    photos: Sequence[Photo], on_left_out: Callable[[InvalidImageError], None]
) -> Iterator[_Subject]:
    """Yield the photos that can be asked for, named by their place in the list and by their file names."""
    for k, photo in enumerate(photos, start=1):
        name = f"{k:02d}-{_plain(photo.path.stem) or 'photo'}"
        try:
            image = _load_subject(photo.path)
        except InvalidImageError as error:
            on_left_out(error)
        else:
            yield _Subject(name, image, frozenset({photo.id.partition("/")[2]}))


def _load_subject(path: Path) -> Image.Image:
    image = load_photo(path)
    if min(image.size) < _MIN_SIDE:
        raise InvalidImageError(
            f"too small for views (expected {_MIN_SIDE} x {_MIN_SIDE} pixels or more, "
            f"got {image.width} x {image.height}): {path}"
        )
    return image


def _with_ground_truth(gallery: Gallery, out: Path, images: str) -> Gallery:
    """Write `out`/ground_truth.json, whose folders are relative to it, and return the gallery."""
    queries = [
        {
            "image": query.path.name,
            "box": None,
            "positives": sorted(query.positives),
            "junk": [],
            "group": query.difficulty,
        }
        for query in gallery.queries
    ]
    truth = {
        "name": "gallery",
        "images": [images, "queries"],
        "distractors": [],
        "exclude_queries": True,
        "queries": queries,
    }
    (out / "ground_truth.json").write_text(json.dumps(truth, indent=1) + "\n")
    return gallery
