"""Soft bits of codes → posteriors over codewords, their means, and evidence for labels."""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray


def index_log_likelihoods(llrs: NDArray[np.float64], bits: int) -> NDArray[np.float64]:
    """(M · L,) soft bits → (M, 2^L) float64: log P(y | index), up to a constant in each row.

    Args:
        llrs: log P(0) / P(1), most significant bit of each index first.
        bits: L.
    """
    return np.asarray((0.5 * llrs).reshape(-1, bits) @ index_signs(bits).T, dtype=np.float64)


@lru_cache(maxsize=32)
def index_signs(bits: int) -> NDArray[np.float64]:
    """(2^L, L) float64: +1 where a bit of the index is 0, -1 where it is 1; most significant first."""
    shifts = np.arange(bits - 1, -1, -1)
    signs = np.asarray(1.0 - 2.0 * ((np.arange(1 << bits)[:, None] >> shifts) & 1), dtype=np.float64)
    signs.flags.writeable = False
    return signs


def softmax(logs: NDArray[np.float64]) -> NDArray[np.float64]:
    """(…, n) logarithms of weights → distributions over the last axis."""
    weights: NDArray[np.float64] = logs - logs.max(axis=-1, keepdims=True)
    np.exp(weights, out=weights)
    weights /= weights.sum(axis=-1, keepdims=True)
    return weights


def posterior(log_likelihoods: NDArray[np.float64], num_words: int) -> NDArray[np.float32]:
    """(M, 2^L) → (M, n) float32: P(word | y), with a uniform prior over the n words that exist."""
    return softmax(log_likelihoods[:, :num_words]).astype(np.float32)


def full_posterior(llrs: NDArray[np.float64], bits: int) -> NDArray[np.float32]:
    """(M · L,) soft bits → (M, 2^L) float32: `posterior` if all 2^L words exist.

    The bits are then independent: the posterior of an index is that of its first half times that of the rest.
    """
    if bits % 2:
        return posterior(index_log_likelihoods(llrs, bits), 1 << bits)
    halves = softmax(index_log_likelihoods(llrs, bits // 2))
    products = np.einsum("mi,mj->mij", halves[::2], halves[1::2])
    return np.asarray(products.reshape(len(products), -1), dtype=np.float32)


def posterior_mean(probabilities: NDArray[np.float32], words: NDArray[np.float32]) -> NDArray[np.float32]:
    """(M, n), (n, M, F/M) → (F,) float32: E[r | y], the estimate of least mean squared error.

    The expected distance E‖r - d‖² is the distance of the mean plus the variance of the posterior. The
    variance is left out: it differs between partitions, is 0 if a partition holds a single image, and is no
    evidence for any image.
    """
    means = np.matmul(probabilities[:, None], words.transpose(1, 0, 2))
    return np.asarray(means.reshape(-1), dtype=np.float32)


def mean_square(probabilities: NDArray[np.float32], offsets: NDArray[np.float32]) -> float:
    """(M, n), (n, M, F/M) → E‖r‖² under the posterior; ‖E[r]‖² relative to it shows how certain r is."""
    squares = np.einsum("nmd,nmd->mn", offsets, offsets)
    return float((probabilities * squares).sum())


def word_count_evidence(
    log_likelihoods: NDArray[np.float64], num_words: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Evidence of codes for their labels: (…, K) float64, Σ_m log(1/n_k Σ_{j<n_k} P(y_m | j)).

    In a short sub-codebook the high bits are always 0, which acts as free parity. Empty partitions have no
    words and send zeros. The evidence is relative to random bits. It depends on the label through n_k alone.

    Args:
        log_likelihoods: (…, M, 2^L), of one code or of several.
        num_words: (K,) n_k.
    """
    likelihoods = np.exp(log_likelihoods - log_likelihoods.max(axis=-1, keepdims=True))
    size = likelihoods.shape[-1]
    sums = np.cumsum(likelihoods, axis=-1)
    mean = sums[..., -1:] / size
    by_count = np.log(sums / np.arange(1, size + 1) / mean + 1e-300).sum(axis=-2)
    return np.asarray(by_count.take(np.maximum(num_words, 1) - 1, axis=-1))


def masked_evidence(
    log_likelihoods: NDArray[np.float64], num_words: NDArray[np.int64], masks: NDArray[np.uint8]
) -> NDArray[np.float64]:
    """The same for some labels of a scrambled packet, which sends index j as j xor mask_m.

    The indices below n are one aligned block for each bit of n, and a mask moves an aligned block to another
    of the same size.

    Args:
        log_likelihoods: (M, 2^L), of the masked indices.
        num_words: (k,) n_k of these labels.
        masks: (k, M) uint8.

    Returns:
        (k,) float64.
    """
    likelihoods = np.exp(log_likelihoods - log_likelihoods.max(axis=1, keepdims=True))
    blocks = likelihoods / likelihoods.mean(axis=1, keepdims=True)  # their sums, by size
    size, counted = blocks.shape[1], np.maximum(num_words, 1)
    rows = np.arange(len(blocks))
    total = np.zeros(masks.shape)
    for level in range(size.bit_length()):
        start = counted >> (level + 1) << 1  # in blocks: after the blocks of the higher bits of n
        place = (start[:, None] ^ (masks >> level)) & (blocks.shape[1] - 1)
        total += ((counted >> level) & 1)[:, None] * blocks[rows, place]
        blocks = blocks.reshape(len(blocks), -1, min(2, blocks.shape[1])).sum(axis=2)
    evidence = np.log(total / counted[:, None] + 1e-300).sum(axis=1)
    return np.where(counted < size, evidence, 0.0)  # in a full sub-codebook every index exists


def unmasked(log_likelihoods: NDArray[np.float64], mask: NDArray[np.uint8]) -> NDArray[np.float64]:
    """(M, 2^L) of the masked indices → (M, 2^L) of the plain indices."""
    masked = np.arange(log_likelihoods.shape[1])[None, :] ^ mask[:, None]
    return np.take_along_axis(log_likelihoods, masked, axis=1)
