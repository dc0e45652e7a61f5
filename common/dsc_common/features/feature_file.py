"""A file of features: one table for a database, and perhaps one for queries, as safetensors or .npz.

Arrays of a table, each with the prefix `query_` for queries:

features        (N, F) float32 or float16
labels          (N, A) integers from 0 to K - 1, most likely first
probabilities   (N, A) floats, theirs; or (N, K), p itself, without `labels`
names           (N,) text in .npz; in safetensors the bytes of UTF-8, each name ended by a zero byte
num_labels      (1,) integer K; by default the highest label + 1, or the width of p

Without labels and probabilities every row has the one label 0. In safetensors, features stay on disk and are
read where they are needed.
"""

import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dsc_common.errors import InvalidInputError
from dsc_common.features.feature_table import FeatureTable, check_table, most_likely
from dsc_common.files.mapped_tensors import map_tensors, write_tensors

QUERY_PREFIX = "query_"
LABELS_KEPT = 10  # of p
NPZ = ".npz"
_KEYS = ("features", "labels", "probabilities", "names", "num_labels")


@dataclass(frozen=True, eq=False)
class FeatureFile:
    """Content of a feature file.

    Attributes:
        database: features of the database.
        queries: features of queries; None: the file has none.
    """

    database: FeatureTable
    queries: FeatureTable | None = None


def read_features(path: Path) -> FeatureFile:
    """Read a feature file, and check every row of it.

    Raises:
        InvalidInputError: the file cannot be read, is cut, or is not as the module describes.
    """
    arrays = _npz(path) if path.suffix == NPZ else map_tensors(path)
    known = {prefix + key for prefix in ("", QUERY_PREFIX) for key in _KEYS}
    if unknown := sorted(arrays.keys() - known):
        raise InvalidInputError(f"{path}: unknown array {unknown[0]!r}; expected {', '.join(sorted(known))}")
    tables = {
        prefix: _table(_of_prefix(arrays, prefix), f"{path}: {prefix}" if prefix else str(path))
        for prefix in ("", QUERY_PREFIX)
        if not prefix or prefix + "features" in arrays
    }
    database, queries = tables[""], tables.get(QUERY_PREFIX)
    if queries is not None:
        num_labels = max(database.num_labels, queries.num_labels)
        database, queries = (
            FeatureTable(t.names, t.features, t.labels, t.probabilities, num_labels)
            for t in (database, queries)
        )
    content = FeatureFile(database, queries)
    _check(content, path)
    return content


def write_features(path: Path, content: FeatureFile) -> None:
    """Write a safetensors file, which appears whole; the inverse of `read_features`.

    Raises:
        InvalidInputError: the content is not what `read_features` accepts.
        OSError: the file cannot be written.
    """
    _check(content, path)
    arrays: dict[str, NDArray[Any]] = {}
    for prefix, table in (("", content.database), (QUERY_PREFIX, content.queries)):
        if table is not None:
            arrays |= {prefix + key: array for key, array in _arrays(table).items()}
    write_tensors(path, arrays)


def _check(content: FeatureFile, path: Path) -> None:
    database, queries = content.database, content.queries
    for table, name in ((database, str(path)), (queries, f"{path}: queries")):
        if table is not None:
            check_table(table, name)
    if queries is not None and queries.features.shape[1] != database.features.shape[1]:
        raise InvalidInputError(
            f"{path}: expected queries of F = {database.features.shape[1]}, got {queries.features.shape[1]}"
        )


def _arrays(table: FeatureTable) -> dict[str, NDArray[Any]]:
    return {
        "features": table.features,
        "labels": table.labels.astype(np.int32),
        "probabilities": table.probabilities,
        "num_labels": np.array([table.num_labels], dtype=np.int64),
        "names": _name_bytes(table.names),
    }


def _name_bytes(names: Sequence[str]) -> NDArray[np.uint8]:
    if wrong := next((name for name in names if "\0" in name), None):
        raise InvalidInputError(f"expected names without zero bytes, got {wrong!r}")
    return np.frombuffer("".join(f"{name}\0" for name in names).encode(), dtype=np.uint8)


def _npz(path: Path) -> dict[str, NDArray[Any]]:
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return {key: arrays[key] for key in arrays.files}
    except OSError as error:
        raise InvalidInputError(f"cannot read {path}: {error.strerror or error}") from error
    except (ValueError, EOFError, KeyError, zipfile.BadZipFile) as error:
        raise InvalidInputError(f"{path} is no file of plain arrays: {str(error).splitlines()[0]}") from error


def _of_prefix(arrays: Mapping[str, NDArray[Any]], prefix: str) -> dict[str, NDArray[Any]]:
    return {key: arrays[prefix + key] for key in _KEYS if prefix + key in arrays}


def _table(arrays: Mapping[str, NDArray[Any]], name: str) -> FeatureTable:
    for key in ("features", "names"):
        if key not in arrays:
            raise InvalidInputError(f"{name}: expected an array {key!r}, got {', '.join(arrays) or 'none'}")
    features = arrays["features"]
    if features.ndim != 2 or features.dtype not in (np.float32, np.float16):
        raise InvalidInputError(
            f"{name}: expected features (N, F) in float32 or float16, got {features.dtype} {features.shape}"
        )
    labels, probabilities, width = _labels(arrays, len(features), name)
    return FeatureTable(
        _names(arrays["names"], name),
        features,
        labels,
        probabilities,
        _num_labels(arrays, labels, width, name),
    )


def _names(names: NDArray[Any], name: str) -> list[str]:
    if names.dtype.kind == "U" and names.ndim == 1:
        return [str(value) for value in names]
    if names.dtype != np.uint8 or names.ndim != 1:
        raise InvalidInputError(f"{name}: expected names as text or bytes, got {names.dtype} {names.shape}")
    try:
        text = names.tobytes().decode()
    except UnicodeDecodeError as error:
        raise InvalidInputError(f"{name}: expected names in UTF-8: {error}") from error
    if text and not text.endswith("\0"):
        raise InvalidInputError(f"{name}: expected a zero byte after each name")
    return text.split("\0")[:-1]


def _labels(
    arrays: Mapping[str, NDArray[Any]], count: int, name: str
) -> tuple[NDArray[np.int64], NDArray[np.float32], int]:
    """Labels (N, A), probabilities (N, A), and the width of p (0 if it is not given)."""
    labels, probabilities = arrays.get("labels"), arrays.get("probabilities")
    for key, array, kinds in (("labels", labels, "iu"), ("probabilities", probabilities, "f")):
        if array is not None and (array.dtype.kind not in kinds or array.ndim != 2 or not array.shape[1]):
            kind = "integers" if kinds == "iu" else "floats"
            raise InvalidInputError(f"{name}: expected {key} as 2D {kind}, got {array.dtype} {array.shape}")
    if probabilities is None:
        if labels is not None:
            raise InvalidInputError(f"{name}: expected probabilities of the labels, got none")
        return np.zeros((count, 1), dtype=np.int64), np.ones((count, 1), dtype=np.float32), 1
    if labels is None:
        return *most_likely(probabilities, LABELS_KEPT), probabilities.shape[1]
    return labels.astype(np.int64), probabilities.astype(np.float32), 0


def _num_labels(arrays: Mapping[str, NDArray[Any]], labels: NDArray[np.int64], width: int, name: str) -> int:
    if "num_labels" not in arrays:
        return width or int(labels.max(initial=0)) + 1
    given = arrays["num_labels"]
    if given.size != 1 or given.dtype.kind not in "iu":
        raise InvalidInputError(
            f"{name}: expected one integer as num_labels, got {given.dtype} {given.shape}"
        )
    if width and int(given.reshape(-1)[0]) != width:
        raise InvalidInputError(
            f"{name}: expected num_labels = {width}, the width of p, got {given.reshape(-1)[0]}"
        )
    return int(given.reshape(-1)[0])
