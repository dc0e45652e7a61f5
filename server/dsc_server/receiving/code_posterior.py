"""Soft bits of codes → posteriors over codewords, their means, and evidence for labels."""

import numpy as np
from numpy.typing import NDArray


def index_log_likelihoods(llrs: NDArray[np.float64], bits: int) -> NDArray[np.float64]:
    """(M · L,) soft bits → (M, 2^L) float64: log P(y | index), up to a constant in each row.

    Args:
        llrs: log P(0) / P(1), most significant bit of each index first.
        bits: L.
    """
    signs = index_signs(bits)
    return np.asarray(0.5 * (llrs.reshape(-1, bits) @ signs.T), dtype=np.float64)


def index_signs(bits: int) -> NDArray[np.float64]:
    """(2^L, L) float64: +1 where a bit of the index is 0, -1 where it is 1; most significant first."""
    shifts = np.arange(bits - 1, -1, -1)
    return np.asarray(1.0 - 2.0 * ((np.arange(1 << bits)[:, None] >> shifts) & 1), dtype=np.float64)


def posterior(log_likelihoods: NDArray[np.float64], num_words: int) -> NDArray[np.float32]:
    """(M, 2^L) → (M, n) float32: P(word | y), with a uniform prior over the n words that exist."""
    existing = log_likelihoods[:, :num_words]
    weights = np.exp(existing - existing.max(axis=1, keepdims=True))
    return np.asarray(weights / weights.sum(axis=1, keepdims=True), dtype=np.float32)


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
    """Evidence of a code for its label: (K,) float64, Σ_m log(1/n_k Σ_{j<n_k} P(y_m | j)).

    In a short sub-codebook the high bits are always 0, which acts as free parity. Empty partitions have no
    words and send zeros. The evidence is relative to random bits.

    Args:
        log_likelihoods: (M, 2^L).
        num_words: (K,) n_k.
    """
    peak = log_likelihoods.max(axis=1, keepdims=True)
    likelihoods = np.exp(log_likelihoods - peak)
    sums = np.cumsum(likelihoods, axis=1)
    mean = sums[:, -1:] / likelihoods.shape[1]
    counts = np.maximum(num_words, 1)
    return np.asarray(np.log(sums[:, counts - 1] / counts / mean + 1e-300).sum(axis=0))


def masked_evidence(
    log_likelihoods: NDArray[np.float64], num_words: NDArray[np.int64], masks: NDArray[np.uint8]
) -> NDArray[np.float64]:
    """The same for some labels of a scrambled packet, which sends index j as j xor mask_m.

    Args:
        log_likelihoods: (M, 2^L), of the masked indices.
        num_words: (k,) n_k of these labels.
        masks: (k, M) uint8.

    Returns:
        (k,) float64.
    """
    likelihoods = np.exp(log_likelihoods - log_likelihoods.max(axis=1, keepdims=True))
    relative = likelihoods / likelihoods.mean(axis=1, keepdims=True)
    rows = np.arange(len(relative))[:, None]
    evidence = np.zeros(len(num_words))
    for place, (counted, mask) in enumerate(zip(np.maximum(num_words, 1).tolist(), masks, strict=True)):
        if counted < relative.shape[1]:  # otherwise every index exists, whatever the mask
            masked = np.arange(counted)[None, :] ^ mask[:, None]
            evidence[place] = np.log(relative[rows, masked].mean(axis=1) + 1e-300).sum()
    return evidence


def unmasked(log_likelihoods: NDArray[np.float64], mask: NDArray[np.uint8]) -> NDArray[np.float64]:
    """(M, 2^L) of the masked indices → (M, 2^L) of the plain indices."""
    masked = np.arange(log_likelihoods.shape[1])[None, :] ^ mask[:, None]
    return np.take_along_axis(log_likelihoods, masked, axis=1)
