"""Squared distance from a word that is known in part: a soft minimum over the words that it may be."""

import numpy as np
from numpy.typing import NDArray

from dsc_server.receiving.reading import NEARLY_CERTAIN

LIKELY_WORDS = 64  # that are told apart
FEW = 4096  # distances of one sub-vector
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
    distances = _squared_distances(words[likely], points)
    if len(likely) == 1 or not len(points):
        return np.asarray(distances[0], dtype=np.float32)
    scale = np.float32(max(BANDWIDTH * float(distances.mean()), 1e-12))
    least = distances.min(axis=0)
    shares = probabilities[likely] / probabilities[likely].sum()
    distances -= least
    distances /= -scale
    return np.asarray(least - scale * np.log(shares @ np.exp(distances, out=distances)), dtype=np.float32)


def _squared_distances(words: NDArray[np.float32], points: NDArray[np.float32]) -> NDArray[np.float32]:
    """(s, d), (p, d) → (s, p) float32.

    By differences where there are few, as equals are then at 0 exactly, and small partitions live by that;
    by the product where there are many, which is several times faster.
    """
    if len(words) == 1 or len(words) * len(points) <= FEW:
        difference = points[None] - words[:, None]
        return np.asarray(np.einsum("snd,snd->sn", difference, difference), dtype=np.float32)
    distances = words @ points.T
    distances *= -2
    distances += np.einsum("sd,sd->s", words, words)[:, None]
    distances += np.einsum("pd,pd->p", points, points)
    return np.asarray(np.maximum(distances, 0), dtype=np.float32)
