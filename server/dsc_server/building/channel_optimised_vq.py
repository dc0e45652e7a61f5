"""Channel-optimised vector quantization (COVQ) of every sub-vector: words that tolerate bit errors.

With bit error rate ε, index i arrives as j with P(j | i) = ε^h (1 - ε)^(L - h), where h is the number of bits
that differ. Each step assigns a point x to the index of least expected error Σ_j P(j | i) ‖x - w_j‖². Then it
moves each word to the position of least error: the mean of the points, weighted with the probability that
they arrive as this word (Farvardin, Vaishampayan 1991). ε falls from a very noisy channel to the design
channel, which finds index assignments that exchanges of words do not find (noisy channel relaxation: Gadkari,
Rose 1999).
"""

import numpy as np
from numpy.typing import NDArray

from dsc_server.building.parallel import in_threads

BIT_ERROR_RATE = 0.02  # of the design channel: BPSK at 6 dB
WORST_BIT_ERROR_RATE = 0.2  # of the first channel
RELAXATION, STEPS_AFTER = 20, 10
POINTS_PER_WORD = 64  # more points do not improve the words
_ERRORS_AT_ONCE = 1 << 17  # they fit into the cache of a core


def channel_optimised_words(
    points: NDArray[np.float32], num_subvectors: int, bits_per_subvector: int
) -> NDArray[np.float32]:
    """Words for the points of one partition.

    Args:
        points: (J, F) float32, J ≥ 1.
        num_subvectors: M, a divisor of F.
        bits_per_subvector: L.

    Returns:
        (2^L, M, F/M) float32; deterministic.
    """
    rates = np.geomspace(WORST_BIT_ERROR_RATE, BIT_ERROR_RATE, RELAXATION)
    rates = np.concatenate([rates, np.full(STEPS_AFTER, BIT_ERROR_RATE)])
    transitions = [transition_probabilities(bits_per_subvector, float(rate)) for rate in rates]
    parts = points.reshape(len(points), num_subvectors, -1)
    words = in_threads(
        lambda m: _relaxed(np.ascontiguousarray(parts[:, m]), transitions), range(num_subvectors)
    )
    return np.stack(words, axis=1).astype(np.float32)


def transition_probabilities(bits: int, bit_error_rate: float) -> NDArray[np.float64]:
    """(2^L, 2^L) float64: P(j | i), the same for (i, j) and (j, i)."""
    index = np.arange(1 << bits)
    wrong = np.bitwise_count(index[:, None] ^ index).astype(np.float64)
    return np.asarray(bit_error_rate**wrong * (1 - bit_error_rate) ** (bits - wrong))


def _relaxed(points: NDArray[np.float32], transitions: list[NDArray[np.float64]]) -> NDArray[np.float64]:
    """(J, d) → (2^L, d) float64: the words after one step for each channel."""
    words = _grid(points.astype(np.float64), len(transitions[0]).bit_length() - 1)
    for transition in transitions:
        indices = _least_expected_error(points, words, transition)
        counts = np.bincount(indices, minlength=len(words))
        sums = [np.bincount(indices, axis, minlength=len(words)) for axis in points.T]
        words = (transition @ np.stack(sums, axis=1)) / (transition @ counts)[:, None]
    return words


def _least_expected_error(
    points: NDArray[np.float32], words: NDArray[np.float64], transition: NDArray[np.float64]
) -> NDArray[np.intp]:
    """(J, d) → (J,): the index of least expected error for each point."""
    slopes = (-2 * transition @ words).T.astype(np.float32)
    offsets = (transition @ np.einsum("nd,nd->n", words, words)).astype(np.float32)
    indices = np.empty(len(points), dtype=np.intp)
    block = max(1, _ERRORS_AT_ONCE // len(words))
    for start in range(0, len(points), block):
        errors = points[start : start + block] @ slopes
        errors += offsets
        errors.argmin(axis=1, out=indices[start : start + block])
    return indices


def _grid(points: NDArray[np.float64], bits: int) -> NDArray[np.float64]:
    """(J, d) → (2^L, d) initial words: a grid along the principal axes, Gray-coded along each axis.

    Each bit goes to the axis with the coarsest steps, and halves them.
    """
    mean = points.mean(axis=0)
    variances, axes = np.linalg.eigh((points - mean).T @ (points - mean) / len(points))
    deviations = np.sqrt(np.maximum(variances, 0.0))
    bits_per_axis = np.zeros(len(deviations), dtype=np.int64)
    for _ in range(bits):
        bits_per_axis[np.argmax(deviations / 2.0**bits_per_axis)] += 1
    index, words, shift = np.arange(1 << bits), np.tile(mean, (1 << bits, 1)), 0
    for axis, axis_bits in enumerate(bits_per_axis.tolist()):
        steps = np.arange(1 << axis_bits)
        ranks = np.argsort(steps ^ steps >> 1)  # of each Gray code word
        rank = ranks[(index >> shift) & steps[-1]]
        places = 3.0 * ((rank + 0.5) / (1 << axis_bits) - 0.5)  # in standard deviations
        words += (deviations[axis] * places)[:, None] * axes[:, axis]
        shift += axis_bits
    return words
