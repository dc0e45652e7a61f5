"""Revisited Oxford and Paris: `gnd_roxford5k.pkl` and `gnd_rparis6k.pkl` with their three protocols.

easy: positives are the easy images; hard and junk ones are left out of the ranking. medium: easy and hard
ones are positives, junk is left out. hard: hard ones are positives, easy and junk ones are left out.
Query photos are not in the database. Source: Radenović et al. 2018.
"""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path, PurePosixPath

import numpy as np

from dsc_common.errors import InvalidInputError
from dsc_common.features.images import Box
from dsc_eval.datasets.copies import clip_boxes, complete, photos_by_name
from dsc_eval.datasets.ground_truth import Benchmark, EvaluationQuery
from dsc_eval.datasets.plain_pickle import NumberArray, read_plain_pickle


class Protocol(StrEnum):
    """Which images are positives."""

    EASY = "easy"
    MEDIUM = "medium"
    HARD = "hard"


@dataclass(frozen=True)
class _Entry:
    photo: str
    box: Box
    easy: frozenset[int]
    hard: frozenset[int]
    junk: frozenset[int]

    def select(self, protocol: Protocol) -> tuple[frozenset[int], frozenset[int]]:
        """Positives and junk of a protocol."""
        return {
            Protocol.EASY: (self.easy, self.junk | self.hard),
            Protocol.MEDIUM: (self.easy | self.hard, self.junk),
            Protocol.HARD: (self.hard, self.junk | self.easy),
        }[protocol]


def read_revisited(name: str, folder: Path, protocol: Protocol) -> Benchmark:
    """One protocol of a revisited data set.

    Args:
        name: roxford5k or rparis6k; `gnd_{name}.pkl` is somewhere below the folder.
        folder: with the photos, at any depth.
        protocol: easy, medium or hard.

    Raises:
        InvalidInputError: photos or ground truth are not there, or the ground truth is not what it should
            be.
    """
    images, entries = _read_ground_truth(_find(f"gnd_{name}.pkl", folder))
    photos = photos_by_name(folder)
    present = [number for number, key in enumerate(images) if key in photos]
    position = {number: new for new, number in enumerate(present)}
    resolved = [_resolve(entry, protocol, photos, position) for entry in entries]
    without = sum(not entry.select(protocol)[0] for entry in entries)
    said = f"{name}-{protocol}: {without} of {len(entries)} queries have no positives in this protocol"
    benchmark = Benchmark(
        f"{name}-{protocol}",
        [photos[images[number]] for number in present],
        [query for query in resolved if query is not None],
        (said,) if without else (),
    )
    known = {*images, *(entry.photo for entry in entries)}
    return complete(
        clip_boxes(benchmark),
        present=len(known & photos.keys()),
        expected=len(known),
        expected_queries=len(entries) - without,
        missing={f"{key}.jpg" for key in known - photos.keys()},
    )


def _resolve(
    entry: _Entry, protocol: Protocol, photos: dict[str, Path], position: dict[int, int]
) -> EvaluationQuery | None:
    positives, junk = (
        frozenset(position[number] for number in numbers if number in position)
        for numbers in entry.select(protocol)
    )
    if not positives or entry.photo not in photos:
        return None
    landmark = entry.photo.rsplit("_", 1)[0]
    return EvaluationQuery(photos[entry.photo], entry.box, positives, junk - positives, landmark)


def _find(name: str, folder: Path) -> Path:
    if not folder.is_dir():
        raise InvalidInputError(f"no such folder: {folder}")
    paths = sorted(folder.rglob(name))
    if len(paths) != 1:
        raise InvalidInputError(f"expected one {name} in {folder}, found {len(paths)}")
    return paths[0]


def _read_ground_truth(path: Path) -> tuple[list[str], list[_Entry]]:
    match read_plain_pickle(path):
        case {"imlist": list() as imlist, "qimlist": list() as qimlist, "gnd": list() as gnd}:
            pass
        case _:
            raise InvalidInputError(f"{path} is no ground truth: expected imlist, qimlist and gnd")
    if len(qimlist) != len(gnd) or not gnd:
        raise InvalidInputError(f"{path} is no ground truth: {len(qimlist)} queries, {len(gnd)} entries")
    images = [_name(value, path) for value in imlist]
    if len(set(images)) < len(images):
        raise InvalidInputError(f"{path} is no ground truth: imlist names a photo twice")
    return images, [_entry(value, item, len(images), path) for value, item in zip(qimlist, gnd, strict=True)]


def _name(value: object, path: Path) -> str:
    if not isinstance(value, str) or not value:
        raise InvalidInputError(f"{path} is no ground truth: expected names of photos")
    name = PurePosixPath(value).name  # a few copies name sub-folders
    return name.removesuffix(".jpg")


def _entry(photo: object, item: object, num_images: int, path: Path) -> _Entry:
    if not isinstance(item, dict) or not {"bbx", "easy", "hard", "junk"} <= item.keys():
        raise InvalidInputError(f"{path} is no ground truth: expected entries of bbx, easy, hard and junk")
    x0, y0, x1, y1 = _box(item["bbx"], path)
    numbers = {key: _positions(item[key], num_images, path) for key in ("easy", "hard", "junk")}
    return _Entry(_name(photo, path), (x0, y0, x1, y1), **numbers)


def _box(value: object, path: Path) -> list[float]:
    box = _numbers(value, path).ravel()
    if box.size != 4 or not np.isfinite(box).all() or not (box[0] < box[2] and box[1] < box[3]):
        raise InvalidInputError(f"{path} is no ground truth: expected boxes of x0, y0, x1, y1")
    return [float(side) for side in box]


def _positions(value: object, num_images: int, path: Path) -> frozenset[int]:
    numbers = _numbers(value, path).ravel()
    if not ((numbers >= 0) & (numbers < num_images) & (numbers == np.floor(numbers))).all():
        raise InvalidInputError(f"{path} is no ground truth: expected positions from 0 to {num_images - 1}")
    return frozenset(int(number) for number in numbers)


def _numbers(value: object, path: Path) -> "np.ndarray[tuple[int, ...], np.dtype[np.float64]]":
    plain = value.values.tolist() if isinstance(value, NumberArray) else value
    if isinstance(plain, set | frozenset):
        plain = list(plain)
    flat = plain if isinstance(plain, list | tuple) else None
    if flat is not None and len(flat) == 1 and isinstance(flat[0], list | tuple):  # (1, n), as of Matlab
        flat = flat[0]
    if flat is None or not all(type(number) in (int, float) and abs(number) < 2**53 for number in flat):
        raise InvalidInputError(f"{path} is no ground truth: expected lists of numbers")
    return np.array(flat, dtype=np.float64)
