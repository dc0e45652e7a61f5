"""Features and labels of a database → its semantic inverted index (eqs. 3–6)."""

from collections.abc import Callable, Iterable
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from dsc_common.codebook import Codebook, encode_residual
from dsc_common.errors import InvalidInputError
from dsc_common.packet import PacketFormat
from dsc_server.partitions import codeword, group_by_label
from dsc_server.semantic_index import SemanticIndex
from dsc_server.subcodebooks import train_words

_Item = TypeVar("_Item")
# Passes items through and may show progress: (items, what is done, how many).
Track = Callable[[Iterable[_Item], str, int], Iterable[_Item]]


def untracked(items: Iterable[_Item], _what: str, _total: int) -> Iterable[_Item]:
    """The items, without any progress shown."""
    return items


def build_index(
    features: NDArray[np.float32],
    labels: NDArray[np.int64],
    fmt: PacketFormat,
    *,
    words_dtype: type[np.float16 | np.float32] = np.float16,
    seed: int = 0,
    track: Track[int] = untracked,
) -> SemanticIndex:
    """Index of N images; only one partition's features are in memory at a time.

    Words are rounded to `words_dtype` before anything is encoded with them, so that the device, which
    gets them in that type, and the server see the same words.

    Args:
        features: (N, F) float32, maybe memory-mapped.
        labels: (N,) int64: the partition of each.
        fmt: shape of the packets; M must divide F.
        words_dtype: float16 halves what the device downloads and holds.
        seed: of k-means.
        track: shows progress over partitions.

    Raises:
        InvalidInputError: M does not divide F, or a label is out of range.
    """
    num_images, feature_dim = features.shape
    if feature_dim % fmt.num_subvectors:
        raise InvalidInputError(f"expected F divisible by M = {fmt.num_subvectors}, got F = {feature_dim}")
    images, offsets = group_by_label(labels, fmt.num_labels)
    codewords = np.zeros((fmt.num_labels, feature_dim), dtype=np.float32)
    codes = np.zeros((fmt.num_subvectors, num_images), dtype=np.uint8)
    blocks = [np.zeros((0, fmt.num_subvectors, feature_dim // fmt.num_subvectors), dtype=words_dtype)]
    word_offsets = np.zeros(fmt.num_labels + 1, dtype=np.int64)
    for label in track(range(fmt.num_labels), "encoding partitions", fmt.num_labels):
        columns = slice(offsets[label], offsets[label + 1])
        members = np.asarray(features[images[columns]], dtype=np.float32)
        if len(members):
            codewords[label] = codeword(members)
            residuals = members - codewords[label]
            words = train_words(residuals, fmt.num_subvectors, 1 << fmt.bits_per_subvector, seed)
            blocks.append(words.astype(words_dtype))
            codes[:, columns] = _encode_all(residuals, blocks[-1].astype(np.float32))
        word_offsets[label + 1] = word_offsets[label] + (len(blocks[-1]) if len(members) else 0)
    codebook = Codebook(codewords, np.concatenate(blocks), word_offsets)
    return SemanticIndex(fmt, codebook, codes, images, offsets)


def _encode_all(residuals: NDArray[np.float32], words: NDArray[np.float32]) -> NDArray[np.uint8]:
    """(J, F) → (M, J): the device's own encoding, image by image."""
    return np.stack([encode_residual(residual, words) for residual in residuals], axis=1)
