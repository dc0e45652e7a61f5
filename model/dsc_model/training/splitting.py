"""Groups held out for validation: their photos, and matches, are not trained on."""

import numpy as np
from numpy.typing import NDArray

from dsc_common.errors import InvalidInputError
from dsc_model.training.tuples import TrainingSet


def split(data: TrainingSet, fraction: float, seed: int) -> tuple[TrainingSet, TrainingSet]:
    """Data to train on, and data for validation; single photos, without a match, are in both.

    Args:
        data: the photos.
        fraction: of the clusters that have matches; at least one goes to either side.
        seed: of the choice.

    Raises:
        InvalidInputError: fewer than two clusters have matches.
    """
    matched = np.unique(data.clusters[data.queries])
    if len(matched) < 2:
        raise InvalidInputError(
            f"expected two groups with matches or more, to hold some out for validation, got {len(matched)}: "
            f"{data.name}"
        )
    count = min(max(1, round(fraction * len(matched))), len(matched) - 1)
    held_out = np.random.default_rng([seed, 1]).permutation(matched)[:count]
    out = np.isin(data.clusters, held_out)
    alone = ~np.isin(data.clusters, matched)
    return _part(data, ~out), _part(data, out | alone)


def _part(data: TrainingSet, kept: NDArray[np.bool_]) -> TrainingSet:
    position = np.cumsum(kept) - 1
    rows = np.flatnonzero(kept[data.queries])
    return TrainingSet(
        data.name,
        tuple(photo for photo, stays in zip(data.photos, kept, strict=True) if stays),
        data.clusters[kept],
        position[data.queries[rows]],
        tuple(position[data.positives[row]] for row in rows),
        data.notices,
    )
