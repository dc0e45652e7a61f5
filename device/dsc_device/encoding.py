"""Feature and probabilities of a photo → packet (eqs. 4–6, 11, 12)."""

import numpy as np
from numpy.typing import NDArray

from dsc_common.codebook.codebook import EncoderCodebook
from dsc_common.codebook.fusion import encode_sequentially
from dsc_common.codebook.manifest import HeadRule
from dsc_common.codebook.word_table import encode_residuals, word_table
from dsc_common.packet.format import PacketFormat, Payload
from dsc_common.packet.labels import top_labels
from dsc_common.packet.packing import Packet


def nearest_codewords(
    feature: NDArray[np.float32], codewords: NDArray[np.float32], head_labels: int
) -> NDArray[np.int64]:
    """(T,) int64: the T partitions whose codewords lie nearest to q, nearest first.

    For an inverted multi-index, whose codewords are all pairs of two half-vectors' centroids, this is the
    multi-sequence order: a squared distance is the sum of those of the halves.

    Args:
        feature: (F,) float32, q.
        codewords: (K, F) float32, C.
        head_labels: T.
    """
    difference = codewords - feature
    distances = np.einsum("kf,kf->k", difference, difference)
    return np.argsort(distances, kind="stable")[:head_labels].astype(np.int64)


def encode(
    feature: NDArray[np.float32],
    probabilities: NDArray[np.float32],
    codebook: EncoderCodebook,
    fmt: PacketFormat,
    head_rule: HeadRule = HeadRule.LABELS,
    *,
    sequential: bool = False,
) -> Packet:
    """Head h and payload of one photo.

    Args:
        feature: (F,) float32, q.
        probabilities: (K,) float32, p.
        codebook: C and R; a single partition if the payload is a single code.
        fmt: shape of the packet.
        head_rule: the head holds the most likely labels, or the nearest partitions.
        sequential: each code is chosen given the codes before it.
    """
    q = codebook.transformed(feature[None])[0]
    if head_rule is HeadRule.LABELS:
        labels = top_labels(probabilities, fmt.head_labels)
    else:
        labels = nearest_codewords(q, codebook.codewords, fmt.head_labels)
    if fmt.payload is Payload.FEATURE:
        return Packet(labels, np.zeros((0, fmt.num_subvectors), dtype=np.uint8), q)
    partitions = labels.tolist() if fmt.payload is Payload.CODES else [0]
    codebook.prepare(partitions)
    if sequential:
        return Packet(labels, encode_sequentially(q, codebook, partitions))
    tables = [word_table(codebook, partition) for partition in partitions]
    return Packet(labels, encode_residuals(tables, q - codebook.codewords[partitions]))
