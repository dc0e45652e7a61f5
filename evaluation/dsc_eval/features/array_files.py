"""Arrays of features and lists of names from files of other programs, such as cirtorch."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dsc_common.benchmark.plain_pickle import read_plain_pickle
from dsc_common.errors import InvalidInputError

_TORCH = (".pt", ".pth")
_PICKLE = (".pkl", ".pickle")


def read_array(path: Path, *, columns: bool = False) -> NDArray[Any]:
    """An array of any shape: `.npy` (memory-mapped), or one tensor of floats in `.pt` or `.pth`.

    Args:
        path: the file.
        columns: items are columns, as cirtorch's vectors (F, N); they become rows.

    Raises:
        InvalidInputError: the file cannot be read, or holds anything but one array of numbers.
    """
    array = _read(path)
    return array.T if columns else array


def _read(path: Path) -> NDArray[Any]:
    if path.suffix in _TORCH:
        from dsc_model.weights.weights_file import load_tensor  # noqa: PLC0415 - torch is slow to load

        return load_tensor(path)
    try:
        return np.load(path, mmap_mode="r", allow_pickle=False)  # type: ignore[no-any-return]
    except OSError as error:
        raise InvalidInputError(f"cannot read {path}: {error.strerror or error}") from error
    except (ValueError, EOFError) as error:
        raise InvalidInputError(f"{path} is no array: {str(error).splitlines()[0]}") from error


def read_names(path: Path, key: str = "imlist") -> list[str]:
    """Names, one a line; or a list of a pickle of plain values, as cirtorch's gnd_….pkl.

    Args:
        path: a text file in UTF-8, or a pickle.
        key: the list in a pickle.

    Raises:
        InvalidInputError: the file cannot be read, or holds no such list.
    """
    if path.suffix in _PICKLE:
        found = read_plain_pickle(path)
        names = found.get(key) if isinstance(found, dict) else None
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            raise InvalidInputError(f"{path}: expected a list of names {key!r}")
        return list(names)
    try:
        return path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise InvalidInputError(f"cannot read {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise InvalidInputError(f"{path}: expected names in UTF-8: {error}") from error
