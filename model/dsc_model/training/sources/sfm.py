"""The published SfM tuples (retrieval-SfM-30k and -120k), in the layout of cirtorch.

A pickle with the parts `train` and `val`; each has `cids` (names of photos), `cluster` (of each photo),
`qidxs` and `pidxs` (matched pairs, by position). The photo of a name lies in `ims`, beside the pickle, in
folders of the last letters of its name: …abcdef is ef/cd/ab/…abcdef. Source:
github.com/filipradenovic/cnnimageretrieval-pytorch, cirtorch/datasets/traindataset.py.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dsc_common.benchmark.plain_pickle import NumberArray, read_plain_pickle
from dsc_common.errors import InvalidInputError
from dsc_model.training.tuples import Photo, TrainingSet

MAX_BYTES = 64 << 20
PHOTOS = "ims"
PARTS = ("train", "val")
_LETTERS = 6


def read_sfm(path: Path, part: str) -> TrainingSet:
    """Read a part (`train` or `val`) of a list of tuples.

    Raises:
        InvalidInputError: the file is no such list, or names photos that are not there.
    """
    content = read_plain_pickle(path, MAX_BYTES)
    parts = content if isinstance(content, dict) else {}
    given = parts.get(part)
    if not isinstance(given, dict):
        raise InvalidInputError(f"{path}: expected SfM tuples with the part {part!r}, got none")
    names = _names(given, path)
    clusters = _numbers(given, "cluster", path)
    queries, positives = (_numbers(given, key, path) for key in ("qidxs", "pidxs"))
    if len(clusters) != len(names) or len(queries) != len(positives):
        raise InvalidInputError(
            f"{path}: expected a cluster of each photo and a positive of each query, got "
            f"{len(clusters)} of {len(names)} and {len(positives)} of {len(queries)}"
        )
    for key, values in (("qidxs", queries), ("pidxs", positives)):
        wrong = values[(values < 0) | (values >= len(names))]
        if wrong.size:
            raise InvalidInputError(f"{path}: expected {key} from 0 to {len(names) - 1}, got {wrong[0]}")
    photos = tuple(Photo(path.parent / PHOTOS / _below(name)) for name in names)
    _require_present(photos, path)
    return TrainingSet(f"{path.stem} {part}", photos, clusters, queries, tuple(positives[:, None]))


def _below(name: str) -> Path:
    return Path(name[-2:]) / name[-4:-2] / name[-6:-4] / name


def _names(given: Mapping[object, object], path: Path) -> list[str]:
    names = given.get("cids")
    if not isinstance(names, list | tuple) or not names:
        raise InvalidInputError(f"{path}: expected a list of names `cids`, got {type(names).__name__}")
    for name in names:
        if not isinstance(name, str) or len(name) < _LETTERS or Path(name).name != name:
            raise InvalidInputError(
                f"{path}: expected names of photos of {_LETTERS} letters or more, got {name!r:.60}"
            )
    return list(names)


def _numbers(given: Mapping[object, object], key: str, path: Path) -> NDArray[np.int64]:
    values = given.get(key)
    if isinstance(values, NumberArray):
        values = values.values.reshape(-1).tolist()
    if not isinstance(values, list | tuple) or not all(type(value) is int for value in values):
        raise InvalidInputError(
            f"{path}: expected a list of whole numbers `{key}`, got {type(values).__name__}"
        )
    try:
        return np.array(values, dtype=np.int64)
    except OverflowError as error:
        raise InvalidInputError(f"{path}: a number of `{key}` is too large") from error


def _require_present(photos: tuple[Photo, ...], path: Path) -> None:
    missing = [photo.path for photo in photos if not photo.path.is_file()]
    if missing:
        raise InvalidInputError(f"{path} names {len(missing)} photos that are not there, first {missing[0]}")
