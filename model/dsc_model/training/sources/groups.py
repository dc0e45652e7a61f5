"""A folder of groups: each folder in it holds photos of one thing, at any depth."""

from pathlib import Path

import numpy as np

from dsc_common.benchmark.photos_below import photos_below
from dsc_common.errors import InvalidInputError
from dsc_model.training.tuples import Photo, TrainingSet


def read_groups(folder: Path) -> TrainingSet:
    """Read a folder of groups; a group of one photo gives negatives only.

    Raises:
        InvalidInputError: no such folder, or it has fewer than two groups.
    """
    below = photos_below([folder])
    placed = {name: path for name, path in below.paths.items() if "/" in name}
    groups = sorted({name.split("/", 1)[0] for name in placed})
    if len(groups) < 2:
        raise InvalidInputError(
            f"expected a folder of two groups of photos or more, each a folder, got {len(groups)}: {folder}"
        )
    number = {group: position for position, group in enumerate(groups)}
    clusters = np.array([number[name.split("/", 1)[0]] for name in placed], dtype=np.int64)
    members = [np.flatnonzero(clusters == group) for group in range(len(groups))]
    queries = [photo for group in members if len(group) > 1 for photo in group.tolist()]
    positives = tuple(members[clusters[photo]][members[clusters[photo]] != photo] for photo in queries)
    return TrainingSet(
        folder.name,
        tuple(Photo(path) for path in placed.values()),
        clusters,
        np.array(queries, dtype=np.int64),
        positives,
        (
            *below.notices(),
            *_lines(groups, [len(group) for group in members], len(below.paths) - len(placed)),
        ),
    )


def _lines(groups: list[str], sizes: list[int], loose: int) -> list[str]:
    alone = [group for group, size in zip(groups, sizes, strict=True) if size == 1]
    lines = []
    if alone:
        lines.append(f"{len(alone)} groups have one photo and give negatives only, first {alone[0]}")
    if loose:
        lines.append(f"{loose} photos are in no group's folder and are left out")
    return lines
