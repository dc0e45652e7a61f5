"""Tensors of a safetensors file on disk: written in blocks, and mapped into memory where they are read."""

import json
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open

from dsc_common.errors import InvalidInputError
from dsc_common.files.whole_file import whole_file

_TYPES = {
    "<f4": "F32",
    "<f2": "F16",
    "<f8": "F64",
    "|u1": "U8",
    "|i1": "I8",
    "<i4": "I32",
    "<i8": "I64",
    "<u4": "U32",
}
_BLOCK_BYTES = 16 << 20


def map_tensors(path: Path) -> dict[str, NDArray[Any]]:
    """Tensors of a file by name, each a read-only memory map.

    Raises:
        InvalidInputError: the file cannot be read, is no safetensors file, is cut, or holds other types.
    """
    try:
        with safe_open(path, framework="np"):  # checks that header and size of the file agree
            pass
        with path.open("rb") as file:
            (length,) = struct.unpack("<Q", file.read(8))
            header = json.loads(file.read(length))
    except OSError as error:
        raise InvalidInputError(f"cannot read {path}: {error.strerror or error}") from error
    except (SafetensorError, ValueError, struct.error) as error:
        raise InvalidInputError(f"{path} is no safetensors file: {str(error).splitlines()[0]}") from error
    header.pop("__metadata__", None)
    return {name: _mapped(path, name, entry, 8 + length) for name, entry in header.items()}


def _mapped(path: Path, name: str, entry: Mapping[str, Any], data_start: int) -> NDArray[Any]:
    known = {code: dtype for dtype, code in _TYPES.items()}
    if entry["dtype"] not in known:
        raise InvalidInputError(f"{path}: expected one of {', '.join(known)} in {name}, got {entry['dtype']}")
    shape, start = tuple(entry["shape"]), data_start + entry["data_offsets"][0]
    dtype = np.dtype(known[entry["dtype"]])
    if not all(shape):
        return np.zeros(shape, dtype=dtype)
    return np.memmap(path, dtype=dtype, mode="r", offset=start, shape=shape)


def write_tensors(path: Path, tensors: Mapping[str, NDArray[Any]]) -> None:
    """Write a safetensors file; it appears whole. Mapped arrays are copied in blocks.

    Raises:
        OSError: the file cannot be written.
    """
    with whole_file(path) as file:
        file.write(header_of(tensors))
        for array in tensors.values():
            _write_blocks(file, array)


def header_of(tensors: Mapping[str, NDArray[Any]]) -> bytes:
    """Start of a safetensors file, up to the first tensor; they follow in this order, little-endian."""
    header, start = {}, 0
    for name, array in tensors.items():
        end = start + array.nbytes
        header[name] = {"dtype": _code(array), "shape": array.shape, "data_offsets": [start, end]}
        start = end
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text


def _code(array: NDArray[Any]) -> str:
    return _TYPES[array.dtype.newbyteorder("<").str]


def _write_blocks(file: BinaryIO, array: NDArray[Any]) -> None:
    rows = max(1, _BLOCK_BYTES // max(1, array[:1].nbytes))
    for start in range(0, len(array), rows):
        block = array[start : start + rows]
        file.write(np.ascontiguousarray(block, dtype=block.dtype.newbyteorder("<")).tobytes())
