"""Summary of a database: the data that a receiver needs to decode a packet, without the images."""

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from dsc_common.codebook.codebook import Codebook, reconstruct
from dsc_common.codebook.transform import ROWS_AT_ONCE
from dsc_common.errors import InvalidInputError
from dsc_common.packet.format import PacketFormat
from dsc_server.index.label_model import SAMPLE, LabelModel, learn_label_model
from dsc_server.index.receiver_model import ReceiverModel
from dsc_server.index.word_likelihood import WordLikelihood


@dataclass(frozen=True, eq=False)
class DatabaseSummary:
    """Data of the whole database, for receivers and for servers that hold a part of the database.

    Attributes:
        format: shape of the packets that query the database.
        codebook: C and R.
        list_sizes: (K,) int64, number of images listed in each partition; J_i without spill.
        num_images: N.
        label_model: frequencies of the labels, and mean features of their images.
        probes: number of partitions nearest to the estimate of q that are read besides those of the head.
        receiver_model: assumptions of receiver and ranking.
    """

    format: PacketFormat
    codebook: Codebook
    list_sizes: NDArray[np.int64]
    num_images: int
    label_model: LabelModel
    probes: int = 0
    receiver_model: ReceiverModel = field(default_factory=ReceiverModel)

    def __post_init__(self) -> None:
        num_labels = self.format.num_partitions
        if self.list_sizes.shape != (num_labels,) or (self.list_sizes < 0).any():
            raise InvalidInputError(f"expected {num_labels} list sizes, got {self.list_sizes.shape}")
        shape = (num_labels, self.codebook.dim)
        if self.label_model.means.shape != shape or self.label_model.sizes.shape != (num_labels,):
            raise InvalidInputError(
                f"expected a label model of shape {shape}, got {self.label_model.means.shape}"
            )

    @property
    def lists_per_image(self) -> float:
        """Partitions that list an image, on average: the spill."""
        return int(self.list_sizes.sum()) / max(self.num_images, 1)

    @cached_property
    def word_likelihood(self) -> WordLikelihood:
        """Likelihood of one code for all partitions; tabulated on first use."""
        return WordLikelihood(self.codebook.shared_words, self.receiver_model.match_distance)


def learn_labels(
    codebook: Codebook,
    codes: NDArray[np.uint8],
    images: NDArray[np.int64],
    offsets: NDArray[np.int64],
    features: NDArray[np.floating],
) -> LabelModel:
    """Label model of inverted lists, from features if the index holds them, else from codes.

    Args:
        codebook: C and R.
        codes: (M, E) uint8; read only without features.
        images: (E,) int64, list after list.
        offsets: (K + 1,) int64.
        features: (N, D) float16 or float32, maybe memory-mapped; (0, 0) if there are none.
    """
    sizes = np.diff(offsets)
    if sizes.size == 1:  # no labels to distinguish
        return LabelModel(sizes, np.zeros((1, codebook.dim), dtype=np.float32), 0.0)
    sample = np.unique(np.linspace(0, images.size - 1, SAMPLE).astype(np.int64))[: images.size]
    labels = np.searchsorted(offsets, sample, side="right") - 1
    if features.size:
        means = _means(images, offsets, features)
        return learn_label_model(features[images[sample]].astype(np.float32), labels, means, sizes)
    decoded = [
        reconstruct(codebook, label, code)
        for label, code in zip(labels.tolist(), codes[:, sample].T, strict=True)
    ]
    reconstructed = np.stack(decoded) if decoded else np.zeros((0, codebook.dim), dtype=np.float32)
    return learn_label_model(reconstructed, labels, codebook.codewords, sizes)


def _means(
    images: NDArray[np.int64], offsets: NDArray[np.int64], features: NDArray[np.floating]
) -> NDArray[np.float32]:
    """(K, D): the mean feature of each partition, computed in blocks of rows."""
    means = np.zeros((offsets.size - 1, features.shape[1]), dtype=np.float32)
    sizes = np.diff(offsets)
    for label in np.flatnonzero(sizes).tolist():
        members = images[offsets[label] : offsets[label + 1]]
        for start in range(0, members.size, ROWS_AT_ONCE):
            rows = features[members[start : start + ROWS_AT_ONCE]]
            means[label] += rows.sum(axis=0, dtype=np.float32) / np.float32(sizes[label])
    return means
