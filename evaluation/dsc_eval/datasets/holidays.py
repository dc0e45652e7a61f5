"""INRIA Holidays: 1491 photos in 500 groups; the first photo of each group is a query for the others.

Photo 123456.jpg is number 56 of group 1234. The query photo stays in the database and counts neither as right
nor as wrong. Source: Jégou, Douze and Schmid 2008.
"""

import re
from pathlib import Path

from dsc_common.benchmark.ground_truth import Benchmark, EvaluationQuery
from dsc_eval.datasets.copies import complete, photos_by_name

IMAGES = 1491
QUERIES = 500


def read_holidays(folder: Path) -> Benchmark:
    """Holidays, from the photos below a folder; other files are skipped.

    Raises:
        InvalidInputError: the folder has no photo of the data set.
    """
    by_name = photos_by_name(folder)
    photos = {key: path for key, path in by_name.items() if re.fullmatch("1[0-4][0-9]{4}", key)}
    members: dict[str, list[int]] = {}
    for number, key in enumerate(photos):
        members.setdefault(key[:-2], []).append(number)
    position = {key: number for number, key in enumerate(photos)}
    queries = [
        EvaluationQuery(photos[key], None, frozenset(members[key[:-2]]) - {row}, frozenset({row}), key[:-2])
        for key, row in position.items()
        if key.endswith("00") and len(members[key[:-2]]) > 1
    ]
    asking = {f"{1000 + group}00.jpg" for group in range(QUERIES)}
    return complete(
        Benchmark("holidays", list(photos.values()), queries),
        present=len(photos),
        expected=IMAGES,
        expected_queries=QUERIES,
        missing=asking - {f"{key}.jpg" for key in photos},
    )
