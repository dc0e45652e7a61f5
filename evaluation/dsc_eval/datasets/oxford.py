"""Oxford5k and Paris6k: photos, and four text files for each query, or the one pickle of cirtorch.

`X_query.txt` holds the photo and the box of query X; `X_good.txt` and `X_ok.txt` its positives, and
`X_junk.txt` what counts neither way. The query's photo stays in the database, where it is a positive.
Source: Philbin et al. 2007 and 2008. cirtorch distributes the same as `gnd_oxford5k.pkl` and
`gnd_paris6k.pkl`, whose `ok` is good and ok together; it is read where there are no text files.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from dsc_common.benchmark.ground_truth import Benchmark, EvaluationQuery
from dsc_common.benchmark.photos_below import files_below
from dsc_common.errors import InvalidInputError
from dsc_common.features.images import Box
from dsc_common.files.bounded import read_bounded
from dsc_eval.datasets.copies import clip_boxes, complete, photos_by_name
from dsc_eval.datasets.query_lists import box_of, find_pickle, positions, read_query_lists

OXFORD_IMAGES = 5063
PARIS_IMAGES = 6392  # 6412 are distributed, 20 of them damaged
QUERIES = 55
MAX_TEXT_BYTES = 1 << 20

_QUERY = "_query.txt"
_PREFIX = "oxc1_"  # Oxford5k's query files name photos so

# https://www.robots.ox.ac.uk/~vgg/data/parisbuildings/corrupt.txt
PARIS_DAMAGED = frozenset(
    f"paris_{landmark}_{number:06d}"
    for landmark, numbers in {
        "louvre": (136, 146),
        "moulinrouge": (422,),
        "museedorsay": (1059,),
        "notredame": (188,),
        "pantheon": (284, 960, 974),
        "pompidou": (195, 196, 201, 467, 640),
        "sacrecoeur": (299, 330, 353),
        "triomphe": (662, 833, 863, 867),
    }.items()
    for number in numbers
)


@dataclass(frozen=True)
class _Entry:
    landmark: str
    photo: str
    box: Box
    positives: frozenset[str]
    junk: frozenset[str]


def read_oxford5k(folder: Path) -> Benchmark:
    """Oxford5k: photos and ground truth files anywhere below the folder.

    Raises:
        InvalidInputError: there are no photos, no ground truth files, or one of them is not what it should
            be.
    """
    return _read("oxford5k", folder, OXFORD_IMAGES, frozenset())


def read_paris6k(folder: Path) -> Benchmark:
    """Paris6k, without the 20 photos that were published damaged; otherwise as `read_oxford5k`."""
    return _read("paris6k", folder, PARIS_IMAGES, PARIS_DAMAGED)


def _read(name: str, folder: Path, expected_images: int, damaged: frozenset[str]) -> Benchmark:
    photos = {key: path for key, path in photos_by_name(folder).items() if key not in damaged}
    entries = _read_entries(name, folder)
    position = {key: number for number, key in enumerate(photos)}
    resolved = [_resolve(entry, photos, position) for entry in entries]
    named = {key for entry in entries for key in (entry.photo, *entry.positives, *entry.junk)}
    queries = [query for query in resolved if query is not None]
    return complete(
        clip_boxes(Benchmark(name, list(photos.values()), queries)),
        present=len(photos),
        expected=expected_images,
        expected_queries=QUERIES,
        missing={f"{key}.jpg" for key in named - photos.keys() - damaged},
    )


def _resolve(entry: _Entry, photos: dict[str, Path], position: dict[str, int]) -> EvaluationQuery | None:
    positives = frozenset(position[key] for key in entry.positives if key in position)
    if entry.photo not in photos or not positives:
        return None
    path = photos[entry.photo]
    junk = frozenset(position[key] for key in entry.junk if key in position) - positives
    return EvaluationQuery(path, entry.box, positives, junk, entry.landmark)


def _read_entries(name: str, folder: Path) -> list[_Entry]:
    files = [path for path in files_below(folder) if path.name.endswith(_QUERY)]
    if not files:
        return _read_pickle(name, folder)
    if len({path.name for path in files}) < len(files):
        raise InvalidInputError(f"two copies of the ground truth in {folder}: {files[0].name} is there twice")
    return [_read_entry(path) for path in files]


def _read_entry(path: Path) -> _Entry:
    query = path.name.removesuffix(_QUERY)
    photo, box = _read_query(path)
    good, ok, junk = (_read_names(path.with_name(f"{query}_{kind}.txt")) for kind in ("good", "ok", "junk"))
    return _Entry(query.rsplit("_", 1)[0], photo, box, good | ok, junk)


def _read_pickle(name: str, folder: Path) -> list[_Entry]:
    file = f"gnd_{name}.pkl"
    if not any(path.name == file for path in files_below(folder)):
        raise InvalidInputError(
            f"no ground truth in {folder} (expected files such as all_souls_1{_QUERY}, or {file})"
        )
    path = find_pickle(file, folder)
    images, queries = read_query_lists(path, ("bbx", "ok", "junk"), optional=("junk",))
    entries = []
    for photo, item in queries:
        ok, junk = (
            frozenset(images[number] for number in positions(item[key], len(images), path))
            for key in ("ok", "junk")
        )
        entries.append(_Entry("", photo.removeprefix(_PREFIX), box_of(item["bbx"], path), ok, junk))
    return _with_landmarks(entries)


def _with_landmarks(entries: Sequence[_Entry]) -> list[_Entry]:
    """Queries of one landmark have the same positives; the first one's photo gives the landmark its name.

    Not every photo is named after the landmark that it shows, so two landmarks may come to one name.
    """
    names: dict[frozenset[str], str] = {}
    for entry in entries:
        name = entry.photo.rsplit("_", 1)[0]
        taken = sum(other == name or other.startswith(f"{name}-") for other in names.values())
        names.setdefault(entry.positives, f"{name}-{taken + 1}" if taken else name)
    return [replace(entry, landmark=names[entry.positives]) for entry in entries]


def _read_query(path: Path) -> tuple[str, Box]:
    words = _read_text(path).split()
    try:
        name, x0, y0, x1, y1 = words
        box = (float(x0), float(y0), float(x1), float(y1))
    except ValueError as error:
        raise InvalidInputError(
            f"expected a photo and four numbers in {path}, got {_shortened(words)}"
        ) from error
    if not (box[0] < box[2] and box[1] < box[3]):
        raise InvalidInputError(f"expected a box x0 y0 x1 y1 in {path}, got {list(box)}")
    return name.removeprefix(_PREFIX), box


def _read_names(path: Path) -> frozenset[str]:
    return frozenset(_read_text(path).split())


def _read_text(path: Path) -> str:
    content = read_bounded(path, MAX_TEXT_BYTES)
    try:
        return content.decode("utf-8-sig")  # a byte order mark is no part of the first name
    except UnicodeDecodeError as error:
        raise InvalidInputError(f"expected a text file: {path}") from error


def _shortened(words: Sequence[str]) -> str:
    return repr(" ".join(words)[:80])
