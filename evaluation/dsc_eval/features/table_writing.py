"""Feature files from photos, from the photos of a ground truth, and from arrays."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dsc_common.benchmark.ground_truth import Benchmark
from dsc_common.errors import InvalidInputError
from dsc_common.features.feature_file import LABELS_KEPT, FeatureFile
from dsc_common.features.feature_table import ROWS_AT_ONCE, FeatureTable, most_likely, unit_rows
from dsc_common.files.names import as_text
from dsc_common.packet.labels import top_labels
from dsc_eval.features.benchmark_features import BenchmarkFeatures
from dsc_eval.features.table_features import query_name
from dsc_server.building.cells import nearest_cells
from dsc_server.building.kmeans import kmeans, training_rows


def table_of_benchmark(benchmark: Benchmark, features: BenchmarkFeatures) -> FeatureFile:
    """Database and queries of a benchmark; names are paths below the folder that all photos are in."""
    paths = [*benchmark.database, *(query.path for query in benchmark.queries)]
    folder = os.path.commonpath([path.absolute().parent for path in paths])
    names = [_name(path, folder) for path in paths]
    database = FeatureTable(
        names[: len(benchmark.database)],
        features.database,
        features.top_labels,
        features.top_probabilities,
        features.num_labels,
    )
    if not benchmark.queries:
        return FeatureFile(database)
    asked = names[len(benchmark.database) :]
    rows = {
        query_name(name, query.box): extraction
        for name, query, extraction in zip(asked, benchmark.queries, features.queries, strict=True)
    }
    labels = np.stack([top_labels(item.probabilities, LABELS_KEPT) for item in rows.values()])
    probabilities = np.stack([item.probabilities for item in rows.values()])
    queries = FeatureTable(
        list(rows),
        np.stack([item.feature for item in rows.values()]),
        labels,
        np.take_along_axis(probabilities, labels, axis=1),
        features.num_labels,
    )
    return FeatureFile(database, queries)


def _name(path: Path, folder: str) -> str:
    return as_text(path.absolute().relative_to(folder).as_posix())


@dataclass(frozen=True, eq=False)
class Arrays:
    """Features, and what is known of their labels.

    Attributes:
        names: (N,) text.
        features: (N, F) floats.
        labels: (N, A) integers, most likely first; None if there are none.
        probabilities: (N, A) floats, of the labels; or (N, K), p, without labels; or None.
    """

    names: Sequence[str]
    features: NDArray[np.floating]
    labels: NDArray[np.integer] | None = None
    probabilities: NDArray[np.floating] | None = None


def table_of_arrays(
    database: Arrays, queries: Arrays | None, num_labels: int | None = None, clusters: int = 0, seed: int = 0
) -> FeatureFile:
    """Tables of arrays.

    Args:
        database: of the database.
        queries: of the queries, if there are any.
        num_labels: K; by default the highest label + 1.
        clusters: K of k-means over the database, whose clusters become the labels.
        seed: seed of k-means.

    Raises:
        InvalidInputError: labels without probabilities, or labels and clusters.
    """
    given = [arrays for arrays in (database, queries) if arrays is not None]
    for arrays in given:
        for key in ("features", "labels", "probabilities"):
            array = getattr(arrays, key)
            if array is not None and array.ndim != 2:
                raise InvalidInputError(f"expected {key} of two dimensions, got {array.shape}")
    if clusters:
        if any(arrays.labels is not None or arrays.probabilities is not None for arrays in given):
            raise InvalidInputError("expected labels or a number of clusters, got both")
        centroids = _centroids(database.features, clusters, seed)
        labelled = [_nearest(arrays.features, centroids) for arrays in given]
        num_labels = clusters
    else:
        labelled = [_labels(arrays) for arrays in given]
        widths = (arrays.probabilities.shape[1] for arrays in given if arrays.probabilities is not None)
        highest = (int(labels.max(initial=0)) + 1 for labels, _ in labelled)
        num_labels = num_labels or max([*highest, *widths])
    tables = [
        FeatureTable(arrays.names, _storable(arrays.features), labels, probabilities, num_labels)
        for arrays, (labels, probabilities) in zip(given, labelled, strict=True)
    ]
    return FeatureFile(tables[0], tables[1] if len(tables) > 1 else None)


def _storable(features: NDArray[np.floating]) -> NDArray[np.floating]:
    return features if features.dtype in (np.float16, np.float32) else features.astype(np.float32)


def _labels(arrays: Arrays) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    if arrays.labels is None and arrays.probabilities is None:
        count = len(arrays.features)
        return np.zeros((count, 1), dtype=np.int64), np.ones((count, 1), dtype=np.float32)
    if arrays.probabilities is None:
        raise InvalidInputError("expected probabilities of the labels, got none")
    if arrays.labels is None:
        return most_likely(arrays.probabilities, LABELS_KEPT)
    return arrays.labels.astype(np.int64), arrays.probabilities.astype(np.float32)


def _centroids(features: NDArray[np.floating], clusters: int, seed: int) -> NDArray[np.float32]:
    if not 1 <= clusters <= len(features):
        raise InvalidInputError(f"expected 1 to {len(features)} clusters, one per image, got {clusters}")
    sample = features[training_rows(len(features), clusters, seed)]
    return kmeans(unit_rows(sample), clusters, seed)


def _nearest(
    features: NDArray[np.floating], centroids: NDArray[np.float32]
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """The A nearest clusters of each row, and probabilities that fall with the squared distance.

    The scale is an eighth of the mean squared distance of a row to its nearest centroid.
    """
    kept = min(LABELS_KEPT, len(centroids))
    labels = np.empty((len(features), kept), dtype=np.int64)
    squares = np.empty((len(features), kept), dtype=np.float32)
    for start in range(0, len(features), ROWS_AT_ONCE):
        rows = unit_rows(features[start : start + ROWS_AT_ONCE])
        block = slice(start, start + len(rows))
        labels[block] = nearest_cells(rows, centroids, kept)
        for rank in range(kept):
            difference = rows - centroids[labels[block, rank]]
            squares[block, rank] = np.einsum("nf,nf->n", difference, difference)
    scale = max(float(squares[:, 0].mean()) / 8, 1e-6)
    weights = np.exp(-(squares - squares[:, :1]) / scale)
    weights = np.minimum.accumulate(weights, axis=1)  # rounding may disturb their order
    return labels, np.asarray(weights / weights.sum(axis=1, keepdims=True), dtype=np.float32)
