"""A codebook as one safetensors file, which the server stores, sends, and names by its hash."""

import hashlib
import mmap
import struct
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load, save

from dsc_common.codebook.codebook import Codebook
from dsc_common.codebook.transform import Transform
from dsc_common.errors import DamagedIndexError, InvalidInputError
from dsc_common.files.mapped_tensors import map_tensors

_TENSORS = {"codewords": ("float32",), "words": ("float16", "float32", "int8"), "offsets": ("int64",)}
_TRANSFORM = {"mean": ("float32",), "projection": ("float32",)}
SCALES = {"scales": ("float32",)}  # of int8 words
VERSION_DIGITS = 16


Expected = Mapping[str, tuple[str, ...]]
_NOTHING: Expected = {}


def load_tensors(
    data: bytes, expected: Expected, name: str, optional: Expected = _NOTHING
) -> dict[str, NDArray[np.generic]]:
    """Tensors of safetensors bytes, of the expected names and element types, and maybe optional ones.

    Raises:
        DamagedIndexError: the bytes are not a safetensors file of exactly these tensors.
    """
    try:
        tensors = load(data)
    except (SafetensorError, KeyError, ValueError) as error:
        raise DamagedIndexError(f"{name} is damaged: {str(error).splitlines()[0]}") from error
    _require(tensors, expected, optional, name)
    return dict(tensors)


def mapped_tensors(
    path: Path, expected: Expected, name: str, optional: Expected = _NOTHING
) -> dict[str, NDArray[np.generic]]:
    """Tensors of a safetensors file as memory maps, with exactly the expected names and element types.

    Raises:
        DamagedIndexError: the file is not a safetensors file of exactly these tensors.
    """
    try:
        tensors = map_tensors(path)
    except InvalidInputError as error:
        raise DamagedIndexError(f"{name} is damaged: {error}") from error
    _require(tensors, expected, optional, name)
    return {key: array.view(np.ndarray) for key, array in tensors.items()}  # np.memmap is slow to slice


def _require(
    tensors: Mapping[str, NDArray[np.generic]], expected: Expected, optional: Expected, name: str
) -> None:
    dtypes = {key: str(array.dtype) for key, array in tensors.items()}
    known = {**optional, **expected}
    fit = expected.keys() <= dtypes.keys() <= known.keys()
    if not fit or any(dtype not in known[key] for key, dtype in dtypes.items()):
        raise DamagedIndexError(f"{name} is damaged: expected the tensors {dict(expected)}, got {dtypes}")


def codebook_to_bytes(codebook: Codebook) -> bytes:
    """Codebook → safetensors bytes; equal codebooks give equal bytes."""
    tensors = {key: getattr(codebook, key) for key in _TENSORS}
    tensors |= {key: getattr(codebook.transform, key) for key in _TRANSFORM}
    if codebook.scales.size:
        tensors |= {"scales": codebook.scales}
    return save({key: np.ascontiguousarray(array) for key, array in tensors.items()})


def codebook_from_bytes(data: bytes, name: str = "codebook") -> Codebook:
    """Safetensors bytes → codebook; the inverse of `codebook_to_bytes`.

    Raises:
        DamagedIndexError: the bytes do not hold a codebook.
    """
    return _codebook_of(load_tensors(data, _TENSORS | _TRANSFORM, name, SCALES), name)


def map_codebook(path: Path, name: str = "codebook") -> Codebook:
    """The codebook of a file, memory-mapped: equal to `codebook_from_bytes` of what it holds.

    Raises:
        DamagedIndexError: the file does not hold a codebook.
    """
    return _codebook_of(mapped_tensors(path, _TENSORS | _TRANSFORM, name, SCALES), name)


def _codebook_of(tensors: dict[str, NDArray[np.generic]], name: str) -> Codebook:
    try:
        transform = Transform(**{key: tensors.pop(key) for key in _TRANSFORM})  # type: ignore[arg-type]
        return Codebook(**tensors, transform=transform)  # type: ignore[arg-type]
    except InvalidInputError as error:
        raise DamagedIndexError(f"{name} is damaged: {error}") from error


def codebook_version(codebook: bytes | mmap.mmap, model_sha256: str, format_key: str) -> str:
    """Version of a codebook: a hash of C and R, of the feature model's hash, and of the packet format."""
    digest = hashlib.sha256()
    for part in (codebook, model_sha256.encode(), format_key.encode()):
        digest.update(struct.pack("<Q", len(part)))
        digest.update(part)
    return digest.hexdigest()[:VERSION_DIGITS]
