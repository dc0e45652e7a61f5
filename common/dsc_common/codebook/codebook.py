"""Codebook C and ragged sub-codebooks R: residuals to codes and back (eqs. 4–6, 13), distance tables."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from dsc_common.codebook.precision import Stored, restore
from dsc_common.codebook.transform import Transform
from dsc_common.errors import InvalidInputError


class EncoderCodebook(ABC):
    """What an encoder reads of a codebook: C, the transform, and R^i of the partitions that it needs.

    Attributes:
        codewords: (K, F) float32, C.
        offsets: (K + 1,) int64; partition i has offsets[i+1] - offsets[i] words.
        transform: maps features of the extractor to the space of codewords and words.
        scales: (K, M) float32, scales of words that are stored as int8; else (0, 0).
    """

    codewords: NDArray[np.float32]
    offsets: NDArray[np.int64]
    transform: Transform
    scales: NDArray[np.float32]

    @property
    def num_partitions(self) -> int:
        """K."""
        return int(self.codewords.shape[0])

    @property
    def dim(self) -> int:
        """F, after the transform."""
        return int(self.codewords.shape[1])

    @property
    def num_words(self) -> NDArray[np.int64]:
        """(K,) int64: n_i."""
        return np.diff(self.offsets)

    def transformed(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """(n, F) features of the extractor → (n, F) in the space of codewords and words."""
        return self.transform.apply(features, self.dim)

    @property
    @abstractmethod
    def num_subvectors(self) -> int:
        """M."""

    @abstractmethod
    def stored(self, label: int) -> Stored:
        """R^label as it is stored, (n_i, M, F/M)."""

    def scales_of(self, label: int) -> NDArray[np.float32]:
        """(M,) scales of R^label; (0, 0) unless it is stored as int8."""
        return self.scales[label] if self.scales.size else self.scales

    def subcodebooks(self, label: int) -> NDArray[np.float32]:
        """R^label as (n_i, M, F/M) float32; raises what `stored` raises."""
        return self.restored(self.stored(label), label)

    def restored(self, stored: Stored, label: int) -> NDArray[np.float32]:
        """(n, M, F/M) stored words of a partition → float32."""
        return restore(stored, self.scales_of(label))

    def prepare(self, labels: Sequence[int]) -> None:  # noqa: B027 (most codebooks hold all words)
        """Get the words of some partitions at once, where they are not held yet."""


@dataclass(frozen=True, eq=False)
class Codebook(EncoderCodebook):
    """C and R of K partitions; partition i has n_i words per sub-vector, n_i = min(2^L, J_i), maybe 0.

    A word is a sub-codeword: a centroid of product quantization.

    Attributes:
        codewords: (K, F) float32, row i is c^i; zeros where a partition is empty. F is the dimension after
            the transform, padded to a multiple of M.
        words: (Σ n_i, M, F/M) float16, float32 or int8; rows offsets[i]:offsets[i+1] are R^i as it is stored.
            The word comes first and the sub-vector second: a partition is one contiguous block.
        offsets: (K + 1,) int64.
        transform: maps features of the extractor to the space of codewords and words.
        scales: (K, M) float32 if words are int8, else (0, 0): word m of partition i is scales[i, m] · int8.
    """

    codewords: NDArray[np.float32]
    words: Stored
    offsets: NDArray[np.int64]
    transform: Transform = field(default_factory=Transform)
    scales: NDArray[np.float32] = field(default_factory=lambda: np.zeros((0, 0), dtype=np.float32))

    def __post_init__(self) -> None:
        if self.codewords.ndim != 2 or self.words.ndim != 3:
            raise InvalidInputError(
                "expected codewords (K, F) and words (W, M, F/M), "
                f"got {self.codewords.shape} and {self.words.shape}"
            )
        num_words, num_subvectors, width = self.words.shape
        if num_subvectors * width != self.codewords.shape[1]:
            raise InvalidInputError(
                f"expected M · (F/M) = F = {self.codewords.shape[1]}, got {num_subvectors} · {width}"
            )
        if not are_offsets(self.offsets, self.num_partitions):
            raise InvalidInputError("expected K + 1 offsets that start at 0 and never fall")
        if self.offsets[-1] != num_words:
            raise InvalidInputError(f"expected {self.offsets[-1]} words, got {num_words}")
        expected = (self.num_partitions, num_subvectors) if self.words.dtype == np.int8 else (0, 0)
        if self.scales.shape != expected:
            raise InvalidInputError(f"expected scales {expected}, got {self.scales.shape}")
        projected = self.transform.projection.shape[1]
        if self.transform.mean.size and projected != self.dim:
            raise InvalidInputError(f"expected a projection to F = {self.dim}, got {projected}")

    @property
    def num_subvectors(self) -> int:
        """M."""
        return int(self.words.shape[1])

    def stored(self, label: int) -> Stored:
        """R^label as it is stored, (n_i, M, F/M)."""
        return self.words[self.offsets[label] : self.offsets[label + 1]]

    def block(self, label: int) -> NDArray[np.float16 | np.float32]:
        """R^label as (n_i, M, F/M), as kernels read it: stored floats, or float32 restored from int8."""
        if self.words.dtype == np.int8:
            return self.subcodebooks(label)
        return self.words[self.offsets[label] : self.offsets[label + 1]]  # type: ignore[return-value]

    @cached_property
    def shared_words(self) -> NDArray[np.float32]:
        """R^0 as (n, M, F/M) float32, converted once: for the words that all partitions share.

        In memory the sub-vector comes first, as a posterior mean reads it.
        """
        words = self.subcodebooks(0)
        by_subvector = np.ascontiguousarray(words.transpose(1, 0, 2))
        by_subvector.flags.writeable = False
        return by_subvector.transpose(1, 0, 2)

    @cached_property
    def shared_squares(self) -> NDArray[np.float32]:
        """(M, n) float32: the squared length of each of `shared_words`."""
        return np.asarray(np.einsum("nmd,nmd->mn", self.shared_words, self.shared_words))


def are_offsets(offsets: NDArray[np.int64], num_labels: int) -> bool:
    """Whether these K + 1 numbers start at 0 and never fall: the starts of K blocks, and their end."""
    if offsets.shape != (num_labels + 1,) or offsets[0] != 0:
        return False
    return not bool((offsets[1:] < offsets[:-1]).any())  # a difference could overflow


def split(vector: NDArray[np.floating], num_subvectors: int) -> NDArray[np.float32]:
    """(F,) → (M, F/M) float32: sub-vector m holds the dimensions m·F/M … (m+1)·F/M - 1 (eq. 4).

    Raises:
        InvalidInputError: M does not divide F.
    """
    if vector.size % num_subvectors:
        raise InvalidInputError(f"expected F divisible by M = {num_subvectors}, got F = {vector.size}")
    return np.asarray(vector, dtype=np.float32).reshape(num_subvectors, -1)


def distance_table(vector: NDArray[np.float32], words: NDArray[np.float32]) -> NDArray[np.float32]:
    """Squared distances of each sub-vector to each of its words.

    Computed from differences, not as a² + b² - 2ab: the distance of a word to itself is exactly 0, and ties
    stay ties.

    Args:
        vector: (M, F/M).
        words: (n, M, F/M).

    Returns:
        (M, n) float32: ‖vector_m - words[j, m]‖².
    """
    difference = words - vector[None]
    table: NDArray[np.float32] = np.einsum("jmd,jmd->mj", difference, difference)
    return table


def encode_residual(residual: NDArray[np.float32], words: NDArray[np.float32]) -> NDArray[np.uint8]:
    """(F,) residual → (M,) uint8: the nearest word of each sub-vector (eqs. 5, 6).

    Of equally near words the first is chosen. An empty sub-codebook (n = 0) gives zeros.
    """
    num_subvectors = words.shape[1]
    if words.shape[0] == 0:
        return np.zeros(num_subvectors, dtype=np.uint8)
    table = distance_table(split(residual, num_subvectors), words)
    nearest: NDArray[np.intp] = table.argmin(axis=1)
    return nearest.astype(np.uint8)


def decode_residual(code: NDArray[np.uint8], words: NDArray[np.float32]) -> NDArray[np.float32]:
    """(M,) uint8 → (F,) float32: [r_1 … r_M] (eq. 13 without its c).

    An index at or beyond n (noise can produce it) decodes to zeros: the estimate there is c.
    """
    num_words, num_subvectors, width = words.shape
    residual = np.zeros((num_subvectors, width), dtype=np.float32)
    valid = np.flatnonzero(code < num_words)
    residual[valid] = words[code[valid], valid]
    return residual.reshape(-1)


def reconstruct(codebook: EncoderCodebook, label: int, code: NDArray[np.uint8]) -> NDArray[np.float32]:
    """(F,) float32: q̂ = c + [r_1 … r_M] (eq. 13)."""
    c = codebook.codewords[label]
    return np.asarray(c + decode_residual(code, codebook.subcodebooks(label)), dtype=np.float32)
