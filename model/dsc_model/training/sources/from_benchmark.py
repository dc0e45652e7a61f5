"""A ground truth of this project: queries and their right answers are matches, distractors are negatives."""

from pathlib import Path

import numpy as np

from dsc_common.benchmark.ground_truth import Benchmark
from dsc_model.training.tuples import Photo, TrainingSet, joined


def training_set_of(benchmark: Benchmark) -> TrainingSet:
    """Photos of the database and of queries; matches are a query, its positives, and those among themselves.

    Photos that one query finds right, or ignores as junk, are in one cluster.
    """
    count = len(benchmark.database)
    queries = benchmark.queries
    photos = [*map(Photo, benchmark.database), *(Photo(query.path, query.box) for query in queries)]
    pairs = [
        (count + number, image)
        for number, query in enumerate(queries)
        for image in sorted(query.positives | query.junk)
    ]
    pairs += _same_files(photos)
    matches = _matches(photos, [{count + number, *query.positives} for number, query in enumerate(queries)])
    asked = sorted(matches)
    return TrainingSet(
        benchmark.name,
        tuple(photos),
        joined(len(photos), pairs),
        np.array(asked, dtype=np.int64),
        tuple(np.array(sorted(matches[photo]), dtype=np.int64) for photo in asked),
        benchmark.notices,
    )


def _matches(photos: list[Photo], shown_together: list[set[int]]) -> dict[int, set[int]]:
    """The matches of each photo that has one; another entry of the same file is none."""
    found: dict[int, set[int]] = {}
    for shown in shown_together:
        for photo in shown:
            others = {other for other in shown if photos[other].path != photos[photo].path}
            found.setdefault(photo, set()).update(others)
    return {photo: others for photo, others in found.items() if others}


def _same_files(photos: list[Photo]) -> list[tuple[int, int]]:
    """A query whose photo is in the database as well must not be its negative."""
    first: dict[Path, int] = {}
    return [(first.setdefault(photo.path, number), number) for number, photo in enumerate(photos)]
