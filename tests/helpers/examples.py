"""Small random codebooks and indexes, made directly, without the code that builds them; and a plain loop."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dsc_common.codebook.codebook import Codebook
from dsc_common.packet.format import PacketFormat
from dsc_server.index.semantic_index import SemanticIndex
from dsc_server.index.summary import DatabaseSummary, learn_labels


def random_codebook(
    rng: np.random.Generator,
    num_words: Sequence[int],
    num_subvectors: int,
    width: int,
    dtype: type[np.float16 | np.float32] = np.float16,
) -> Codebook:
    """A codebook with n_i = num_words[i] words in partition i.

    All numbers are small and whole: single precision computes their distances exactly, so that an oracle
    in double precision agrees to the last bit, ties included.
    """
    codewords = rng.integers(-9, 10, (len(num_words), num_subvectors * width)).astype(np.float32)
    words = rng.integers(-9, 10, (sum(num_words), num_subvectors, width)).astype(dtype)
    return Codebook(codewords, words, np.concatenate([[0], np.cumsum(num_words)]).astype(np.int64))


def random_index(
    rng: np.random.Generator, list_sizes: Sequence[int], fmt: PacketFormat, width: int
) -> SemanticIndex:
    """An index with J_i = list_sizes[i] images of random codes in partition i; n_i = min(2^L, J_i)."""
    num_words = [min(2**fmt.bits_per_subvector, size) for size in list_sizes]
    codebook = random_codebook(rng, num_words, fmt.num_subvectors, width)
    lists = [
        rng.integers(0, words, (fmt.num_subvectors, size), dtype=np.uint8) if size else no_codes(fmt)
        for words, size in zip(num_words, list_sizes, strict=True)
    ]
    return semantic_index(
        fmt,
        codebook,
        np.concatenate(lists, axis=1),
        rng.permutation(sum(list_sizes)).astype(np.int64),
        np.concatenate([[0], np.cumsum(list_sizes)]).astype(np.int64),
    )


def semantic_index(
    fmt: PacketFormat,
    codebook: Codebook,
    codes: NDArray[np.uint8],
    images: NDArray[np.int64],
    offsets: NDArray[np.int64],
    features: NDArray[np.floating] | None = None,
    probes: int = 0,
    **rest: Any,
) -> SemanticIndex:
    """An index with the summary that a build would learn from its parts."""
    compared = np.zeros((0, 0), dtype=np.float16) if features is None else features
    model = learn_labels(codebook, codes, images, offsets, compared)
    sizes, num_images = np.diff(offsets), len(set(images.tolist()))
    summary = DatabaseSummary(fmt, codebook, sizes, num_images, model, probes)
    return SemanticIndex(summary, codes, images, offsets, compared, **rest)


def no_codes(fmt: PacketFormat) -> NDArray[np.uint8]:
    """(M, 0) uint8."""
    return np.zeros((fmt.num_subvectors, 0), dtype=np.uint8)


def top_by_loop(probabilities: list[float], count: int) -> list[int]:
    """The `count` largest, the largest first; among equals the first."""
    left = list(range(len(probabilities)))
    head = []
    for _ in range(count):
        best = left[0]
        for label in left:
            if probabilities[label] > probabilities[best]:
                best = label
        head.append(best)
        left.remove(best)
    return head
