"""The order of codewords: indices that differ in one bit shall name near words, so that a bit error costs
little.

For each sub-vector, the permutation that makes Σ_j Σ_b ‖w_j - w_{j xor 2^b}‖² small: balanced splits along
principal axes first, then exchanges of two words, each the best for its place, until none helps. It costs
nothing on the air. Source of the idea: polysemous codes (Douze, Jégou, Perronnin 2016), which order words
the same way for another end; pseudo-Gray coding (Zeger, Gersho 1990) is the exchange of pairs.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

MAX_SWEEPS = 6
POWER_STEPS = 5
_SMALLEST_GAIN = 1e-7  # of the largest distance: below, rounding errors would exchange words for ever


def ordered_words(words: NDArray[np.float32]) -> NDArray[np.float32]:
    """(n, M, F/M) float32 → the same words, each sub-vector's in its own robust order."""
    orders = np.stack([_split_order(words[:, m]) for m in range(words.shape[1])])
    orders = _exchange(np.stack([_distances(words[:, m]) for m in range(words.shape[1])]), orders)
    return np.take_along_axis(words, orders.T[:, :, None], axis=0)


def shuffled_words(words: NDArray[np.float32], seed: int) -> NDArray[np.float32]:
    """(n, M, F/M) float32 → the same words, each sub-vector's in a random order of its own.

    The order of the database would say which words belong together, and mislead what a receiver makes of it.
    """
    orders = np.random.default_rng(seed).permuted(np.tile(np.arange(len(words)), (words.shape[1], 1)), axis=1)
    return np.take_along_axis(words, orders.T[:, :, None], axis=0)


def _one_bit_apart(num_words: int) -> NDArray[np.float32]:
    """(n, n) float32: 1 where two indices differ in one bit, 0 elsewhere."""
    index = np.arange(num_words)
    return np.asarray(np.bitwise_count(index[:, None] ^ index) == 1, dtype=np.float32)


def _distances(points: NDArray[np.float32]) -> NDArray[np.float32]:
    difference = points[:, None] - points[None]
    return np.asarray(np.einsum("ijd,ijd->ij", difference, difference), dtype=np.float32)


def _split_order(points: NDArray[np.float32]) -> NDArray[np.int64]:
    """(n, d) → (n,) order: halves along the principal axis become the halves of the indices, and so on."""

    def split(rows: NDArray[np.int64]) -> list[int]:
        if len(rows) <= 1:
            return [int(row) for row in rows]
        sorted_rows = rows[np.argsort(_principal_scores(points[rows]), kind="stable")]
        half = 1 << ((len(rows) - 1).bit_length() - 1)
        return split(sorted_rows[:half]) + split(sorted_rows[half:])

    return np.array(split(np.arange(len(points))), dtype=np.int64)


def _principal_scores(points: NDArray[np.float32]) -> NDArray[np.float32]:
    """(n, d) → (n,): coordinates along an axis close to the principal one, by power iteration."""
    centred = points - points.mean(axis=0)
    axis = centred[np.einsum("nd,nd->n", centred, centred).argmax()]
    for _ in range(POWER_STEPS):
        axis = (centred @ axis) @ centred
        axis = axis / max(float(np.linalg.norm(axis)), 1e-30)
    return np.asarray(centred @ axis, dtype=np.float32)


@dataclass(frozen=True, eq=False)
class _Placement:
    """Words of all sub-vectors, each at an index.

    Attributes:
        orders: (M, n) int64, which word lies at each index.
        distances: (M, n, n) float32, of the words by their indices.
        own: (M, n) float32, each word's distances to the words one bit apart, summed.
        adjacent: (n, n) float32, 1 where indices are one bit apart.
    """

    orders: NDArray[np.int64]
    distances: NDArray[np.float32]
    own: NDArray[np.float32]
    adjacent: NDArray[np.float32]

    def gains(self, place: int) -> NDArray[np.float32]:
        """(M, n): by how much the sum falls when the words at `place` and at another index change places."""
        near = np.flatnonzero(self.adjacent[place])
        row = self.distances[:, place]
        here = self.distances[:, near].sum(axis=1)  # every word, were it at `place`
        there = row @ self.adjacent  # this word, were it elsewhere
        gain = self.own[:, [place]] + self.own - here - there
        gain[:, near] -= 2 * row[:, near]  # neighbours stay neighbours
        gain[:, place] = 0
        return np.asarray(gain, dtype=np.float32)

    def exchange(self, m: int, one: int, other: int) -> None:
        """Exchange two words of a sub-vector."""
        distances = self.distances[m]
        self.orders[m, [one, other]] = self.orders[m, [other, one]]
        distances[[one, other]] = distances[[other, one]]
        distances[:, [one, other]] = distances[:, [other, one]]
        self.own[m] = (distances * self.adjacent).sum(axis=1)


def _exchange(distances: NDArray[np.float32], orders: NDArray[np.int64]) -> NDArray[np.int64]:
    """Exchange words until no exchange helps; all sub-vectors go through the indices side by side.

    Args:
        distances: (M, n, n) float32, of the words as they came.
        orders: (M, n) int64, the words' order to begin with.
    """
    adjacent = _one_bit_apart(orders.shape[1])
    placed = np.stack([d[np.ix_(order, order)] for d, order in zip(distances, orders, strict=True)])
    words = _Placement(orders, placed, (placed * adjacent).sum(axis=2), adjacent)
    least = _SMALLEST_GAIN * placed.max(axis=(1, 2), initial=0.0)
    subvectors = np.arange(len(orders))
    for _ in range(MAX_SWEEPS if orders.shape[1] > 2 else 0):
        helped = False
        for place in range(orders.shape[1]):
            gain = words.gains(place)
            best = gain.argmax(axis=1)
            for m in np.flatnonzero(gain[subvectors, best] > least).tolist():
                words.exchange(m, place, int(best[m]))
                helped = True
        if not helped:
            break
    return orders
