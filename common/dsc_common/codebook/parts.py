"""A codebook in parts, each a safetensors file: C, and R^i of each partition.

A device downloads R^i when it first needs it, and after a change of the index only the parts that differ.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save

from dsc_common.codebook.codebook import Codebook, are_offsets
from dsc_common.codebook.file import SCALES, mapped_tensors
from dsc_common.codebook.precision import Stored
from dsc_common.codebook.transform import Transform
from dsc_common.errors import DamagedIndexError, InvalidInputError
from dsc_common.files.mapped_tensors import header_of

_CODEWORDS = {
    "codewords": ("float32",),
    "offsets": ("int64",),
    "mean": ("float32",),
    "projection": ("float32",),
}
_WORDS = {"words": ("float16", "float32", "int8")}


@dataclass(frozen=True, eq=False)
class Codewords:
    """C of a codebook in parts, with the transform and the number of words of each partition.

    Attributes:
        codewords: (K, F) float32, C.
        offsets: (K + 1,) int64; partition i has offsets[i+1] - offsets[i] words.
        transform: maps features of the extractor to the space of codewords and words.
        scales: (K, M) float32 if words are int8, else (0, 0).
    """

    codewords: NDArray[np.float32]
    offsets: NDArray[np.int64]
    transform: Transform
    scales: NDArray[np.float32] = field(default_factory=lambda: np.zeros((0, 0), dtype=np.float32))

    def __post_init__(self) -> None:
        if self.codewords.ndim != 2:
            raise InvalidInputError(f"expected codewords (K, F), got {self.codewords.shape}")
        num_partitions, dim = self.codewords.shape
        if not are_offsets(self.offsets, num_partitions):
            raise InvalidInputError("expected K + 1 offsets that start at 0 and never fall")
        if self.transform.mean.size and self.transform.projection.shape[1] != dim:
            raise InvalidInputError(
                f"expected a projection to F = {dim}, got {self.transform.projection.shape[1]}"
            )


class WordsFile:
    """The file of R^i as bytes, by slices: a header, then a block of the codebook's words, not copied.

    Args:
        words: (n_i, M, F/M) float16, float32 or int8, contiguous.
    """

    def __init__(self, words: Stored) -> None:
        self._header = header_of({"words": words})
        little_endian = words.astype(words.dtype.newbyteorder("<"), copy=False)
        self._data = little_endian.reshape(-1).view(np.uint8).data

    def __len__(self) -> int:
        return len(self._header) + len(self._data)

    def __getitem__(self, part: slice) -> bytes:
        start, stop, _ = part.indices(len(self))
        split = len(self._header)
        data = self._data[max(start - split, 0) : max(stop - split, 0)]
        return self._header[start:stop] + bytes(data)

    def blocks(self) -> tuple[bytes, memoryview]:
        """Header and words, which follow each other in the file."""
        return self._header, self._data


def codewords_to_bytes(codebook: Codebook) -> bytes:
    """The file of C; equal codebooks give equal bytes."""
    tensors = {key: getattr(codebook, key) for key in ("codewords", "offsets")}
    tensors |= {key: getattr(codebook.transform, key) for key in ("mean", "projection")}
    if codebook.scales.size:
        tensors |= {"scales": codebook.scales}
    return save({key: np.ascontiguousarray(array) for key, array in tensors.items()})


def words_file(codebook: Codebook, label: int) -> WordsFile:
    """The file of R^label."""
    return WordsFile(codebook.words[codebook.offsets[label] : codebook.offsets[label + 1]])


def map_codewords(path: Path) -> Codewords:
    """The content of a file of C, memory-mapped; DamagedIndexError if it holds something else."""
    tensors = mapped_tensors(path, _CODEWORDS, "the file of codewords", SCALES)
    try:
        transform = Transform(tensors.pop("mean"), tensors.pop("projection"))  # type: ignore[arg-type]
        return Codewords(**tensors, transform=transform)  # type: ignore[arg-type]
    except InvalidInputError as error:
        raise DamagedIndexError(f"the file of codewords is damaged: {error}") from error


def map_words(path: Path, shape: Sequence[int]) -> Stored:
    """The content of a file of R^i, memory-mapped.

    Args:
        path: the file.
        shape: (n_i, M, F/M).

    Raises:
        DamagedIndexError: it does not hold words of this shape.
    """
    words = mapped_tensors(path, _WORDS, "a sub-codebook")["words"]
    if words.shape != tuple(shape):
        raise DamagedIndexError(
            f"a sub-codebook does not fit: expected words {tuple(shape)}, got {words.shape}"
        )
    return words  # type: ignore[return-value]
