"""UKBench: 10,200 photos of 2,550 objects, four each; every photo is a query for the four of its object.

Photo ukbenchNNNNN.jpg shows object N // 4. With the N-S score the query photo stays in the database and
counts as right; an object with a missing photo has no queries, since its score could not reach 4. With
leave-one-out, the query photo counts neither as right nor as wrong. Source: Nistér and Stewénius 2006.
"""

import re
from pathlib import Path

from dsc_common.benchmark.ground_truth import Benchmark, EvaluationQuery
from dsc_eval.datasets.copies import complete, photos_by_name

IMAGES = 10_200
GROUP_SIZE = 4


def read_ukbench(folder: Path) -> Benchmark:
    """UKBench for the N-S score: each photo of a complete group is a query, and one of its positives.

    Raises:
        InvalidInputError: the folder has no photo of the data set.
    """
    photos, groups = _photos(folder)
    queries = [
        EvaluationQuery(photos[number], None, frozenset(group), frozenset(), name)
        for name, group in groups.items()
        if len(group) == GROUP_SIZE
        for number in group
    ]
    return _complete("ukbench", photos, groups, queries)


def read_ukbench_leave_one_out(folder: Path) -> Benchmark:
    """UKBench with leave-one-out: each photo is a query for the others of its group, and junk itself."""
    photos, groups = _photos(folder)
    queries = [
        EvaluationQuery(photos[number], None, frozenset(group) - {number}, frozenset({number}), name)
        for name, group in groups.items()
        if len(group) > 1
        for number in group
    ]
    return _complete("ukbench-leave-one-out", photos, groups, queries)


def _photos(folder: Path) -> tuple[list[Path], dict[str, list[int]]]:
    named = {
        key: path
        for key, path in photos_by_name(folder, passed_over=("thumbnails",)).items()
        if re.fullmatch("ukbench[0-9]{5}", key) and int(key[-5:]) < IMAGES
    }
    groups: dict[str, list[int]] = {}
    for number, key in enumerate(named):
        groups.setdefault(f"object-{int(key[-5:]) // GROUP_SIZE:04d}", []).append(number)
    return list(named.values()), groups


def _complete(
    name: str, photos: list[Path], groups: dict[str, list[int]], queries: list[EvaluationQuery]
) -> Benchmark:
    present = {path.stem for path in photos}
    expected = (f"ukbench{number:05d}" for number in range(IMAGES))
    return complete(
        Benchmark(name, photos, queries),
        present=len(photos),
        expected=IMAGES,
        expected_queries=IMAGES,
        missing={f"{key}.jpg" for key in expected if key not in present},
    )
