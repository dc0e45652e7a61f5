"""Index assignment: indices one bit apart name similar words, so bit errors cost little.

Each sub-vector gets a permutation with a small Σ_j Σ_b ‖w_j - w_{j xor 2^b}‖²: first balanced splits along
principal axes, then exchanges of two words, each the best for its index, until none helps. This costs no
bits over the air. Sources: polysemous codes (Douze, Jégou, Perronnin 2016), which order words in this way for
another purpose; the exchange of pairs is pseudo-Gray coding (Zeger, Gersho 1990).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

MAX_SWEEPS = 6
POWER_STEPS = 5
_SMALLEST_GAIN = 1e-7  # of the largest distance; below, rounding errors would cause endless exchanges


def ordered_words(words: NDArray[np.float32]) -> NDArray[np.float32]:
    """(n, M, F/M) float32 → the same words, in a robust order for each sub-vector."""
    orders = np.stack([_split_order(words[:, m]) for m in range(words.shape[1])])
    orders = _exchange(np.stack([_distances(words[:, m]) for m in range(words.shape[1])]), orders)
    return np.take_along_axis(words, orders.T[:, :, None], axis=0)


def shuffled_words(words: NDArray[np.float32], seed: int) -> NDArray[np.float32]:
    """(n, M, F/M) float32 → the same words, in a random order for each sub-vector.

    The order of the database would put the words of one image at equal indices, and bias the receivers.
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
        orders: (M, n) int64, the word at each index.
        distances: (M, n, n) float32, distances between the words at two indices.
        costs: (M, n) float32, sum of the distances of each word to the words one bit apart.
        adjacent: (n, n) float32, 1 where indices are one bit apart.
    """

    orders: NDArray[np.int64]
    distances: NDArray[np.float32]
    costs: NDArray[np.float32]
    adjacent: NDArray[np.float32]

    def gains(self, place: int) -> NDArray[np.float32]:
        """(M, n): decrease of the sum if the words at `place` and at another index are exchanged."""
        near = np.flatnonzero(self.adjacent[place])
        row = self.distances[:, place]
        costs_at_place = self.distances[:, near].sum(axis=1)  # of every other word
        costs_elsewhere = row @ self.adjacent  # of the word at `place`
        gain = self.costs[:, [place]] + self.costs - costs_at_place - costs_elsewhere
        gain[:, near] -= 2 * row[:, near]  # neighbours stay neighbours
        gain[:, place] = 0
        return np.asarray(gain, dtype=np.float32)

    def exchange(self, m: int, first: int, second: int) -> None:
        """Exchange two words of a sub-vector."""
        distances = self.distances[m]
        self.orders[m, [first, second]] = self.orders[m, [second, first]]
        distances[[first, second]] = distances[[second, first]]
        distances[:, [first, second]] = distances[:, [second, first]]
        self.costs[m] = (distances * self.adjacent).sum(axis=1)


def _exchange(distances: NDArray[np.float32], orders: NDArray[np.int64]) -> NDArray[np.int64]:
    """Exchange words until no exchange helps; all sub-vectors are processed in parallel.

    Args:
        distances: (M, n, n) float32, distances of the words in their given order.
        orders: (M, n) int64, the initial order; changed in place.
    """
    adjacent = _one_bit_apart(orders.shape[1])
    placed = np.stack([d[np.ix_(order, order)] for d, order in zip(distances, orders, strict=True)])
    words = _Placement(orders, placed, (placed * adjacent).sum(axis=2), adjacent)
    least = _SMALLEST_GAIN * placed.max(axis=(1, 2), initial=0.0)
    subvectors = np.arange(len(orders))
    for _ in range(MAX_SWEEPS if orders.shape[1] > 2 else 0):
        improved = False
        for place in range(orders.shape[1]):
            gain = words.gains(place)
            best = gain.argmax(axis=1)
            for m in np.flatnonzero(gain[subvectors, best] > least).tolist():
                words.exchange(m, place, int(best[m]))
                improved = True
        if not improved:
            break
    return orders
