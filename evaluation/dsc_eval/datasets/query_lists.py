"""Ground truth pickles of cirtorch and revisitop: image names, query names, and for each query its lists."""

from collections.abc import Collection, Sequence
from pathlib import Path, PurePosixPath

import numpy as np

from dsc_common.benchmark.photos_below import files_below
from dsc_common.benchmark.plain_pickle import NumberArray, read_plain_pickle
from dsc_common.errors import InvalidInputError
from dsc_common.features.images import Box


def find_pickle(name: str, folder: Path) -> Path:
    """The one file of this name below a folder."""
    paths = [path for path in files_below(folder) if path.name == name]
    if len(paths) != 1:
        raise InvalidInputError(f"expected one {name} in {folder}, found {len(paths)}")
    return paths[0]


def read_query_lists(
    path: Path, keys: Sequence[str], optional: Collection[str] = ()
) -> tuple[list[str], list[tuple[str, dict[str, object]]]]:
    """Names of the images, and for each query the name of its photo and its entry.

    Args:
        path: a pickle of imlist, qimlist and gnd.
        keys: of each entry of gnd.
        optional: those of `keys` that an entry may lack; they are then empty lists.

    Raises:
        InvalidInputError: the file is not what it should be.
    """
    match read_plain_pickle(path):
        case {"imlist": list() as imlist, "qimlist": list() as qimlist, "gnd": list() as gnd}:
            pass
        case _:
            raise InvalidInputError(f"{path} is no ground truth: expected imlist, qimlist and gnd")
    if len(qimlist) != len(gnd) or not gnd:
        raise InvalidInputError(f"{path} is no ground truth: {len(qimlist)} queries, {len(gnd)} entries")
    images = [_name(value, path) for value in imlist]
    if len(set(images)) < len(images):
        raise InvalidInputError(f"{path} is no ground truth: imlist names a photo twice")
    entries = [_entry(item, keys, optional, path) for item in gnd]
    return images, list(zip((_name(value, path) for value in qimlist), entries, strict=True))


def _entry(item: object, keys: Sequence[str], optional: Collection[str], path: Path) -> dict[str, object]:
    filled = {**{key: [] for key in optional}, **item} if isinstance(item, dict) else {}
    if not set(keys) <= filled.keys():
        wanted = f"{', '.join(keys[:-1])} and {keys[-1]}"
        raise InvalidInputError(f"{path} is no ground truth: expected entries of {wanted}")
    return filled


def _name(value: object, path: Path) -> str:
    if not isinstance(value, str) or not value:
        raise InvalidInputError(f"{path} is no ground truth: expected names of photos")
    name = PurePosixPath(value).name  # a few copies name sub-folders
    return name.removesuffix(".jpg")


def box_of(value: object, path: Path) -> Box:
    """(x0, y0, x1, y1), finite and in order."""
    box = _numbers(value, path).ravel()
    if box.size != 4 or not np.isfinite(box).all() or not (box[0] < box[2] and box[1] < box[3]):
        raise InvalidInputError(f"{path} is no ground truth: expected boxes of x0, y0, x1, y1")
    x0, y0, x1, y1 = (float(side) for side in box)
    return x0, y0, x1, y1


def positions(value: object, num_images: int, path: Path) -> frozenset[int]:
    """Positions in imlist, from 0."""
    numbers = _numbers(value, path).ravel()
    if not ((numbers >= 0) & (numbers < num_images) & (numbers == np.floor(numbers))).all():
        raise InvalidInputError(f"{path} is no ground truth: expected positions from 0 to {num_images - 1}")
    return frozenset(int(number) for number in numbers)


def _numbers(value: object, path: Path) -> "np.ndarray[tuple[int, ...], np.dtype[np.float64]]":
    plain = value.values.tolist() if isinstance(value, NumberArray) else value
    if isinstance(plain, set | frozenset):
        plain = list(plain)
    flat = plain if isinstance(plain, list | tuple) else None
    if flat is not None and len(flat) == 1 and isinstance(flat[0], list | tuple):  # (1, n), as of Matlab
        flat = flat[0]
    if flat is None or not all(type(number) in (int, float) and abs(number) < 2**53 for number in flat):
        raise InvalidInputError(f"{path} is no ground truth: expected lists of numbers")
    return np.array(flat, dtype=np.float64)
