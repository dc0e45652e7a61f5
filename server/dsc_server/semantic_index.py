"""The semantic inverted index: codebook C, sub-codebooks R, and one list of encoded images per label."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dsc_common.codebook import Codebook, are_offsets
from dsc_common.errors import InvalidInputError
from dsc_common.packet import PacketFormat


@dataclass(frozen=True, eq=False)
class SemanticIndex:
    """A database of N images in K partitions.

    Attributes:
        format: shape of the packets that query it.
        codebook: C and R.
        codes: (M, N) uint8, one column per listed image, list after list: transposed, so that ranking
            reads one sub-vector's codes in a row.
        images: (N,) int64, which image of the catalogue a column is.
        offsets: (K + 1,) int64; partition i holds columns offsets[i] … offsets[i+1] - 1.
    """

    format: PacketFormat
    codebook: Codebook
    codes: NDArray[np.uint8]
    images: NDArray[np.int64]
    offsets: NDArray[np.int64]

    def __post_init__(self) -> None:
        if self.codebook.num_labels != self.format.num_labels:
            raise InvalidInputError(
                f"expected codewords for K = {self.format.num_labels} labels, got {self.codebook.num_labels}"
            )
        if self.codes.shape != (self.format.num_subvectors, self.images.size):
            raise InvalidInputError(
                f"expected codes of shape {(self.format.num_subvectors, self.images.size)}, "
                f"got {self.codes.shape}"
            )
        if not are_offsets(self.offsets, self.format.num_labels):
            raise InvalidInputError("expected K + 1 list offsets that start at 0 and never fall")
        if self.offsets[-1] != self.images.size:
            raise InvalidInputError(f"expected {self.offsets[-1]} listed images, got {self.images.size}")
        if (np.repeat(self.codebook.num_words, self.list_sizes) <= self.codes.max(axis=0, initial=0)).any():
            raise InvalidInputError("expected codes below the size of their sub-codebook")

    @property
    def num_images(self) -> int:
        """N."""
        return int(self.images.size)

    @property
    def list_sizes(self) -> NDArray[np.int64]:
        """(K,) int64: J_i."""
        return np.diff(self.offsets)
