"""Features with their labels, extracted anywhere: rows of a file in place of photos."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dsc_common.errors import InvalidInputError
from dsc_common.features.extraction import Extraction
from dsc_common.progress import Track, untracked

ROWS_AT_ONCE = 1 << 14
MAX_LABELS = 1 << 16  # K
MAX_FEATURE_DIM = 1 << 16  # F
_PROBABILITY_SLACK = 1e-3  # rounding of half-precision probabilities


@dataclass(frozen=True, eq=False)
class FeatureTable:
    """Features of images, with their most likely labels.

    Attributes:
        names: (N,) text, all different: image ids.
        features: (N, F) float32 or float16, maybe memory-mapped; of any length above zero.
        labels: (N, A) int64: the A ≤ K most likely labels of each image, most likely first, all different.
        probabilities: (N, A) float32: their probabilities.
        num_labels: K, of any classifier or clustering.
    """

    names: Sequence[str]
    features: NDArray[np.floating]
    labels: NDArray[np.int64]
    probabilities: NDArray[np.float32]
    num_labels: int

    def __len__(self) -> int:
        return len(self.names)

    def extraction(self, row: int) -> Extraction:
        """q of one row, of unit length, and p, which is zero for all labels that are not among its A."""
        probabilities = np.zeros(self.num_labels, dtype=np.float32)
        probabilities[self.labels[row]] = self.probabilities[row]
        return Extraction(unit_rows(self.features[row : row + 1])[0], probabilities)

    def copy_unit_rows(
        self,
        out: NDArray[np.float32],
        rows: NDArray[np.int64] | None = None,
        track: Track[int] = untracked,
    ) -> None:
        """Copy features of unit length, a block at a time, as they may be larger than the memory.

        Args:
            out: (n, F) float32, is filled.
            rows: (n,) the rows to copy; by default all, in their order.
            track: shows progress over blocks.
        """
        starts = range(0, len(out), ROWS_AT_ONCE)
        for start in track(starts, "reading features", len(starts)):
            block = slice(start, start + ROWS_AT_ONCE)
            out[block] = unit_rows(self.features[block if rows is None else rows[block]])


def unit_rows(features: NDArray[np.floating]) -> NDArray[np.float32]:
    """(n, F) → (n, F) float32 of unit length; rows that have it to 1e-5 stay as they are."""
    rows = features.astype(np.float32)
    norms = np.linalg.norm(rows.astype(np.float64), axis=1, keepdims=True)
    scale = np.where(np.abs(norms - 1) < 1e-5, 1.0, np.maximum(norms, 1e-30))
    return np.asarray(rows / scale.astype(np.float32), dtype=np.float32)


def most_likely(
    probabilities: NDArray[np.floating], count: int
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """(N, K) → (N, A) int64 labels, (N, A) float32 probabilities, A = min(count, K); of equals the lowest."""
    labels = np.empty((len(probabilities), min(count, probabilities.shape[1])), dtype=np.int64)
    for start in range(0, len(labels), ROWS_AT_ONCE):
        rows = slice(start, start + ROWS_AT_ONCE)
        labels[rows] = np.argsort(-probabilities[rows], axis=1, kind="stable")[:, : labels.shape[1]]
    return labels, np.take_along_axis(probabilities, labels, axis=1).astype(np.float32)


def check_table(table: FeatureTable, name: str) -> None:
    """Read every row once.

    Args:
        table: the table.
        name: of the file, for error lines.

    Raises:
        InvalidInputError: shapes disagree; a feature is not finite or has no length; a label is out of
            range or repeats; a probability is none; a name is empty or repeats.
    """
    for problem in (_of_shapes(table), _of_names(table.names), _of_features(table), _of_labels(table)):
        if problem:
            raise InvalidInputError(f"{name}: {problem}")


def _of_shapes(table: FeatureTable) -> str:
    features, labels, probabilities = table.features, table.labels, table.probabilities
    if features.ndim != 2 or not len(features) or not 1 <= features.shape[1] <= MAX_FEATURE_DIM:
        return f"expected features of shape (N, F), F up to {MAX_FEATURE_DIM}, got {features.shape}"
    if len(table.names) != len(features):
        return f"expected as many names as features, {len(features)}, got {len(table.names)}"
    if labels.ndim != 2 or labels.shape[0] != len(features) or labels.shape[1] < 1:
        return f"expected labels of shape ({len(features)}, A), got {labels.shape}"
    if probabilities.shape != labels.shape:
        return f"expected probabilities of shape {labels.shape}, got {probabilities.shape}"
    if not 1 <= table.num_labels <= MAX_LABELS:
        return f"expected K (labels) from 1 to {MAX_LABELS}, got {table.num_labels}"
    return ""


def _of_names(names: Sequence[str]) -> str:
    seen: set[str] = set()
    for row, name in enumerate(names):
        if not name:
            return f"row {row}: expected a name, got none"
        if name in seen:
            return f"row {row}: two rows are called {name}"
        seen.add(name)
    return ""


def _of_features(table: FeatureTable) -> str:
    for start in range(0, len(table), ROWS_AT_ONCE):
        rows = table.features[start : start + ROWS_AT_ONCE].astype(np.float32)
        squares = np.einsum("nf,nf->n", rows, rows, dtype=np.float64)
        bad = np.flatnonzero(~np.isfinite(squares) | (squares <= 0))
        if bad.size:
            got = "zero length" if squares[bad[0]] == 0 else "NaN or infinity"
            return _in_row(table, start + int(bad[0]), "a finite feature with a length", got)
    return ""


def _of_labels(table: FeatureTable) -> str:
    labels, probabilities = table.labels, table.probabilities
    out = ((labels < 0) | (labels >= table.num_labels)).any(axis=1)
    ordered = np.sort(labels, axis=1)
    repeated = (ordered[:, 1:] == ordered[:, :-1]).any(axis=1)
    sums = probabilities.sum(axis=1, dtype=np.float64)
    wrong = ~((probabilities >= 0).all(axis=1) & (sums <= 1 + _PROBABILITY_SLACK))
    rising = (np.diff(probabilities, axis=1) > 0).any(axis=1)
    for bad, expected, values in (
        (out, f"labels from 0 to {table.num_labels - 1}", labels),
        (repeated, "different labels", labels),
        (wrong, "probabilities from 0 with a sum up to 1", probabilities),
        (rising, "the most likely label first", probabilities),
    ):
        if bad.any():
            row = int(np.flatnonzero(bad)[0])
            return _in_row(table, row, expected, str(values[row].tolist()))
    return ""


def _in_row(table: FeatureTable, row: int, expected: str, got: str) -> str:
    return f"row {row} ({table.names[row]}): expected {expected}, got {got}"
