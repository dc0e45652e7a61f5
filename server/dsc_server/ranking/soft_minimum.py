"""Squared distance from an uncertain word: a soft minimum over the possible words."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from dsc_server.index.receiver_model import DEFAULT_MODEL, ReceiverModel
from dsc_server.index.search_limits import DEFAULT_LIMITS

Distances = Callable[[NDArray[np.int64]], NDArray[np.float32]]


def soft_minimum(
    probabilities: NDArray[np.float32],
    distances_of: Distances,
    model: ReceiverModel = DEFAULT_MODEL,
    likely_codewords: int = DEFAULT_LIMITS.likely_codewords,
) -> NDArray[np.float32]:
    """-s log Σ_j P(j | y) exp(-‖w_j - x‖² / s) of each point x, in one sub-vector.

    For a certain j it is the squared distance. A nearly certain word counts as certain, and ties stay ties.
    For an uncertain j it is the log-likelihood of x if matching images lie around the transmitted word, with
    s a fraction of the mean distance. The expected distance would prefer points near the middle of all words.

    Args:
        probabilities: (n,) float32, P(j | y).
        distances_of: (s,) words → (s, p) float32, their squared distances to the points; may be overwritten.
        model: probability of a nearly certain word, and the fraction of the mean distance.
        likely_codewords: number of words that are distinguished.

    Returns:
        (p,) float32.
    """
    likely = np.argsort(-probabilities, kind="stable")[:likely_codewords]
    if probabilities[likely[0]] >= model.near_certain:
        likely = likely[:1]
    distances = distances_of(likely)
    if len(likely) == 1 or not distances.size:
        return np.asarray(distances[0], dtype=np.float32)
    scale = np.float32(max(model.soft_bandwidth * float(distances.mean()), 1e-12))
    least = distances.min(axis=0)
    weights = probabilities[likely] / probabilities[likely].sum()
    distances -= least
    distances /= -scale
    return np.asarray(least - scale * np.log(weights @ np.exp(distances, out=distances)), dtype=np.float32)
