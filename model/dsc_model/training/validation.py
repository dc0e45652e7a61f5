"""mAP of a validation set: each photo that has matches asks for them among all others."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from dsc_common.benchmark.metrics import average_precision, hit_ranks, mean
from dsc_model.training.tuples import TrainingSet


def mean_average_precision(descriptors: NDArray[np.float32], data: TrainingSet) -> float:
    """Non-interpolated mAP; photos of a query's cluster that are no matches of it are left out.

    Args:
        descriptors: (n, F) of the photos, of length one.
        data: the validation set; with at least one query.
    """
    return mean(average_precisions(descriptors, data))


def average_precisions(descriptors: NDArray[np.float32], data: TrainingSet) -> Sequence[float]:
    """Average precision of each query of `data`."""
    found = []
    for query, matches in zip(data.queries.tolist(), data.positives, strict=True):
        positives = frozenset(matches.tolist())
        cluster = np.flatnonzero(data.clusters == data.clusters[query]).tolist()
        junk = frozenset({query, *cluster}) - positives
        found.append(precision_of(descriptors[query], descriptors, positives, junk))
    return found


def precision_of(
    descriptor: NDArray[np.float32],
    database: NDArray[np.float32],
    positives: frozenset[int],
    junk: frozenset[int],
) -> float:
    """Average precision of a query that ranks all images by the inner product; of equals the first leads.

    Args:
        descriptor: (F,) of the query.
        database: (n, F) of the images.
        positives: right images; at least one.
        junk: images that are left out.
    """
    ranking = np.argsort(-(database @ descriptor), kind="stable")
    return average_precision(hit_ranks(ranking, positives, junk), len(positives))
