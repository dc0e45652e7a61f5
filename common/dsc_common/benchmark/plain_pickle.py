"""Read a pickle that holds only plain containers, text, numbers and arrays of numbers.

The ground truth of the revisited protocol is published as a pickle. A pickle is a program that can call any
function that it names; here it can name only the constructors below, which turn bytes into numbers. They
build NumPy arrays from their bytes; NumPy's unpickling functions are not called.
"""

import io
import math
import pickle
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dsc_common.errors import InvalidInputError
from dsc_common.files.bounded import read_bounded

MAX_BYTES = 8 << 20  # published ground truths are smaller; an empty set of one byte takes 200 in memory

Number = bool | int | float


class RefusedError(Exception):
    """A pickle asks for something that this reader does not build."""


class NumberArray:
    """An array of numbers under construction, then `values`: any shape, a plain numeric dtype."""

    __slots__ = ("values",)

    def __init__(self) -> None:
        self.values: NDArray[np.generic] = np.zeros(0)

    def __setstate__(self, state: object) -> None:
        match state:
            case (
                int(),
                tuple() as shape,
                _Dtype() as dtype,
                bool() | int() as fortran,
                bytes() | str() as raw,
            ):
                self.values = _array(raw, dtype, shape, "F" if fortran else "C")
            case _:
                raise RefusedError("an array that is not one of numbers")


class _Dtype:
    """The type of a number: its letter, its bytes, and their order."""

    __slots__ = ("code", "order")

    def __init__(self, code: str) -> None:
        if re.fullmatch("[iufb][1248]", code) is None:
            raise RefusedError(f"an array of {code[:20]!r}")
        self.code = code
        self.order = "="

    def __setstate__(self, state: object) -> None:
        match state:
            case (int(), "<" | ">" | "|" | "=" as order, None, None, None, *_):
                self.order = str(order)
            case _:
                raise RefusedError("a type of number with fields")

    @property
    def dtype(self) -> "np.dtype[np.generic]":
        return np.dtype(self.order + self.code)


class _Constructor:
    """Something that a pickle may call; it cannot be changed by one."""

    __slots__ = ("_make",)

    def __init__(self, make: Callable[..., object]) -> None:
        self._make = make

    def __call__(self, *args: object) -> object:
        return self._make(*args)

    def __setstate__(self, state: object) -> None:
        raise RefusedError("to change a constructor")


def _array(raw: object, dtype: _Dtype, shape: tuple[object, ...], order: object) -> NDArray[np.generic]:
    data = raw.encode("latin-1") if isinstance(raw, str) else raw  # text in pickles of Python 2
    sides = [side for side in shape if type(side) is int and side >= 0]
    if (
        not isinstance(data, bytes | bytearray)
        or len(sides) != len(shape)
        or math.prod(sides) * dtype.dtype.itemsize != len(data)
        or order not in ("C", "F")
    ):
        raise RefusedError("an array whose size is not that of its bytes")
    flat = np.frombuffer(bytes(data), dtype.dtype)
    return flat.reshape(sides, order="F" if order == "F" else "C")


def _empty_array(*_: object) -> NumberArray:
    return NumberArray()


def _array_of_buffer(raw: object, dtype: object, shape: object, order: object) -> NumberArray:
    if not isinstance(dtype, _Dtype) or not isinstance(shape, tuple):
        raise RefusedError("an array that is not one of numbers")
    array = NumberArray()
    array.values = _array(raw, dtype, shape, order)
    return array


def _number(dtype: object, raw: object) -> Number:
    if not isinstance(dtype, _Dtype):
        raise RefusedError("a number that is not one")
    value: Number = _array(raw, dtype, (), "C").item()
    return value


def _dtype(code: object, *_: object) -> _Dtype:
    if not isinstance(code, str):
        raise RefusedError("a type of number without a name")
    return _Dtype(code)


def _bytes(text: object, encoding: object) -> bytes:
    if not isinstance(text, str) or encoding != "latin1":
        raise RefusedError("an unknown encoding")
    return text.encode("latin-1")


def _no_bytes(*given: object) -> bytes:
    if given:
        raise RefusedError("bytes of something else")
    return b""


def _set(items: object) -> object:
    if not isinstance(items, list):
        raise RefusedError("a set of something that is no list")
    return set(items)


_MODULES = ("numpy.core", "numpy._core")
_BUILTINS = ("builtins", "__builtin__")
_CONSTRUCTORS: dict[tuple[str, str], Callable[..., object]] = {
    ("numpy", "dtype"): _dtype,
    ("numpy", "ndarray"): _empty_array,
    ("_codecs", "encode"): _bytes,
    **{(module, "bytes"): _no_bytes for module in _BUILTINS},
    **{(module, name): _set for module in _BUILTINS for name in ("set", "frozenset")},
    **{(f"{module}.multiarray", "_reconstruct"): _empty_array for module in _MODULES},
    **{(f"{module}.multiarray", "scalar"): _number for module in _MODULES},
    **{(f"{module}.numeric", "_frombuffer"): _array_of_buffer for module in _MODULES},
}


# The reader in plain Python: the one in C makes room for as many values as a pickle says it has.
class _PlainUnpickler(pickle._Unpickler):
    def find_class(self, module_name: str, global_name: str, /) -> object:
        make = _CONSTRUCTORS.get((module_name, global_name))
        if make is None:
            raise RefusedError(f"{module_name[:60]!r} {global_name[:60]!r}")
        return _Constructor(make)

    def persistent_load(self, pid: object) -> object:
        raise RefusedError("something that is stored elsewhere")

    def get_extension(self, code: int) -> None:
        raise RefusedError(f"the extension {code}")


def read_plain_pickle(path: Path, max_bytes: int = MAX_BYTES) -> object:
    """Content of a pickle: dict, list, tuple, set, str, bytes, numbers, None and `NumberArray`.

    Raises:
        InvalidInputError: the file cannot be read, is too large, is no pickle, or asks for anything else.
    """
    data = read_bounded(path, max_bytes)
    try:
        return _PlainUnpickler(io.BytesIO(data), encoding="latin1").load()
    except RefusedError as error:
        raise InvalidInputError(f"{path} asks for {error}; only plain data is read") from error
    except Exception as error:  # a damaged pickle raises anything at all
        raise InvalidInputError(f"{path} is no pickle, or is damaged: {type(error).__name__}") from error
