"""Revisited Oxford and Paris: `gnd_roxford5k.pkl` and `gnd_rparis6k.pkl` with their three protocols.

easy: positives are the easy images; hard and junk ones are left out of the ranking. medium: easy and hard
ones are positives, junk is left out. hard: hard ones are positives, easy and junk ones are left out.
Query photos are not in the database. Source: Radenović et al. 2018.
"""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from dsc_common.benchmark.ground_truth import Benchmark, EvaluationQuery
from dsc_common.features.images import Box
from dsc_eval.datasets.copies import clip_boxes, complete, photos_by_name
from dsc_eval.datasets.query_lists import box_of, find_pickle, positions, read_query_lists


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
    images, entries = _read_ground_truth(find_pickle(f"gnd_{name}.pkl", folder))
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


def _entry(photo: str, item: dict[str, object], num_images: int, path: Path) -> _Entry:
    numbers = {key: positions(item[key], num_images, path) for key in ("easy", "hard", "junk")}
    return _Entry(photo, box_of(item["bbx"], path), **numbers)


def _read_ground_truth(path: Path) -> tuple[list[str], list[_Entry]]:
    images, queries = read_query_lists(path, ("bbx", "easy", "hard", "junk"))
    return images, [_entry(photo, item, len(images), path) for photo, item in queries]
