"""Squared distance from a word that is known in part: a soft minimum over the words that it may be."""

import numpy as np
from numpy.typing import NDArray

NEARLY_CERTAIN = 0.95
LIKELY_WORDS = 64  # that are told apart
BANDWIDTH = 0.1  # of the mean distance


def soft_minimum(
    probabilities: NDArray[np.float32], words: NDArray[np.float32], points: NDArray[np.float32]
) -> NDArray[np.float32]:
    """-s log Σ_j P(j | y) exp(-‖w_j - x‖² / s) of each point x, in one sub-vector.

    For a certain j it is the squared distance, and a word that is nearly certain is taken for certain, so
    that equals stay equals. For an uncertain one it is the log-likelihood of x when right images lie around
    the word that was sent, with s a share of the mean distance. The expected distance would prefer points
    near the middle of all words.

    Args:
        probabilities: (n,) float32, P(j | y).
        words: (n, d) float32.
        points: (p, d) float32.

    Returns:
        (p,) float32.
    """
    likely = np.argsort(-probabilities, kind="stable")[:LIKELY_WORDS]
    if probabilities[likely[0]] >= NEARLY_CERTAIN:
        likely = likely[:1]
    difference = points[None] - words[likely, None]
    distances = np.einsum("snd,snd->sn", difference, difference)
    if len(likely) == 1 or not len(points):
        return np.asarray(distances[0], dtype=np.float32)
    scale = max(BANDWIDTH * float(distances.mean()), 1e-12)
    least = distances.min(axis=0)
    shares = probabilities[likely] / probabilities[likely].sum()
    return np.asarray(least - scale * np.log(shares @ np.exp((least - distances) / scale)), dtype=np.float32)
