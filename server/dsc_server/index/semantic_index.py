"""The inverted index: a summary, one list of images per partition, and codes or features for ranking."""

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from dsc_common.codebook.codebook import Codebook, are_offsets
from dsc_common.errors import InvalidInputError
from dsc_common.packet.format import PacketFormat, Payload
from dsc_common.retrieval.options import Ranking
from dsc_server.index.subcells import SubCells
from dsc_server.index.summary import DatabaseSummary
from dsc_server.index.word_distances import PartitionDistances
from dsc_server.kernels.visited import VisitedPool


def _no_features() -> NDArray[np.floating]:
    return np.zeros((0, 0), dtype=np.float16)


@dataclass(frozen=True, eq=False)
class SemanticIndex:
    """A database of N images in K partitions; an image may be listed in several (spill), E entries in all.

    An image is a row: of `features`, of `codes` with one code for all partitions, and of the catalogue. Rows
    that no list names belong to no image, so an image leaves the database when its entries leave the lists.

    Attributes:
        summary: data for receivers: packet format, codebook, list sizes, label model.
        codes: (M, E) uint8 with a codes payload, one column per entry, list after list; (M, R) with one code
            for all partitions, one column per row; else (M, 0). A column is contiguous in memory.
        images: (E,) int64, the row of the image that each entry lists, from 0 to R - 1.
        offsets: (K + 1,) int64; partition i holds entries offsets[i] … offsets[i+1] - 1.
        features: (R, D) float16 or float32 of unit length, for ranking with one estimate; else (0, 0).
        subcells: sub-cells of the cells (G+P); None for other partitionings.
        ranking: ranking method that the index was built for.
        expansion: number of results that a query is averaged with before its second ranking.
    """

    summary: DatabaseSummary
    codes: NDArray[np.uint8]
    images: NDArray[np.int64]
    offsets: NDArray[np.int64]
    features: NDArray[np.floating] = field(default_factory=_no_features)
    subcells: SubCells | None = None
    ranking: Ranking = Ranking.SQUARED_DISTANCE
    expansion: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "codes", np.asfortranarray(self.codes))
        if not are_offsets(self.offsets, self.format.num_partitions):
            raise InvalidInputError("expected K + 1 list offsets that start at 0 and never fall")
        if self.offsets[-1] != self.images.size:
            raise InvalidInputError(f"expected {self.offsets[-1]} listed images, got {self.images.size}")
        self._require_codes()
        if self.images.size and (self.images.min() < 0 or (self.has_features and self._beyond_features())):
            raise InvalidInputError("expected listed images that have features")
        if self.has_features and self.features.shape[1] != self.codebook.dim:
            raise InvalidInputError(
                f"expected features of {self.codebook.dim} dimensions, got {self.features.shape[1]}"
            )
        if self.subcells is not None:
            self._require_subcells(self.subcells)

    def _require_subcells(self, subcells: SubCells) -> None:
        num_labels, neighbours, members = self.format.num_partitions, subcells.neighbours, subcells.members
        fit = (
            self.codebook.num_partitions == num_labels
            and subcells.alphas.shape == (num_labels,)
            and neighbours.ndim == 2
            and len(neighbours) == num_labels
            and members.shape == self.images.shape
            and bool(((neighbours >= 0) & (neighbours < num_labels)).all())
            and bool(((members >= 0) & (members < max(neighbours.shape[1], 1))).all())
        )
        if not fit:
            raise InvalidInputError("expected sub-cells of these cells and lists")

    def _require_codes(self) -> None:
        if self.has_codes and self.codebook.num_partitions != self.format.num_partitions:
            raise InvalidInputError(
                f"expected codewords for K = {self.format.num_partitions} labels, "
                f"got {self.codebook.num_partitions}"
            )
        columns = {Payload.CODES: self.images.size, Payload.CODE: self.num_rows, Payload.FEATURE: 0}
        shape = (self.format.num_subvectors, columns[self.format.payload])
        if self.codes.shape != shape:
            raise InvalidInputError(f"expected codes of shape {shape}, got {self.codes.shape}")
        words = self.codebook.num_words
        sizes = np.repeat(words, self.list_sizes) if self.has_codes else words.max(initial=0)
        if (sizes <= self.codes.max(axis=0, initial=0)).any():
            raise InvalidInputError("expected codes below the size of their sub-codebook")

    def _beyond_features(self) -> bool:
        return bool(self.images.max() >= len(self.features))

    @property
    def format(self) -> PacketFormat:
        """Shape of the packets that query the index."""
        return self.summary.format

    @property
    def codebook(self) -> Codebook:
        """C and R."""
        return self.summary.codebook

    @property
    def has_codes(self) -> bool:
        """Whether images can be ranked with their codes in their partitions (eqs. 14, 15)."""
        return self.format.payload is Payload.CODES

    @property
    def has_features(self) -> bool:
        """Whether images can be ranked with one estimate of q."""
        return self.features.size > 0

    @cached_property
    def rows(self) -> NDArray[np.int64]:
        """(N,) int64: the rows of images, ascending."""
        return np.unique(self.images)

    @cached_property
    def num_rows(self) -> int:
        """R: number of rows, whether or not a list names them."""
        if self.has_features:
            return len(self.features)
        return int(self.images.max(initial=-1)) + 1

    @cached_property
    def visited(self) -> VisitedPool:
        """Scratch of queries."""
        return VisitedPool(self.num_rows)

    @cached_property
    def word_distances(self) -> PartitionDistances:
        """Distances between the words of each partition."""
        return PartitionDistances(self.codebook)

    @property
    def num_images(self) -> int:
        """N."""
        return self.rows.size

    @property
    def lists_each_once(self) -> bool:
        """Whether no image is in two lists, as without spill."""
        return self.images.size == self.num_images

    @cached_property
    def list_sizes(self) -> NDArray[np.int64]:
        """(K,) int64: number of entries of each list of this index; J_i without spill."""
        return np.diff(self.offsets)

    @property
    def code_rows(self) -> NDArray[np.uint8]:
        """(E, M) or (R, M) uint8: the codes, one contiguous row per entry, or per row of the index."""
        return self.codes.T

    def entries(self, label: int) -> slice:
        """The entries of partition `label`."""
        return slice(int(self.offsets[label]), int(self.offsets[label + 1]))

    def entries_of(self, labels: NDArray[np.int64]) -> NDArray[np.int64]:
        """Positions of all entries of several partitions, list after list."""
        counts = self.list_sizes[labels]
        starts = self.offsets[labels] - (np.cumsum(counts) - counts)
        return np.asarray(np.repeat(starts, counts) + np.arange(counts.sum()))
