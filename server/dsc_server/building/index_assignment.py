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
_WORDS_AT_ONCE = 8  # compared with all others: their differences fit into the cache
_SMALLEST_GAIN = 1e-7  # of the largest distance; below, rounding errors would cause endless exchanges


def ordered_words(words: NDArray[np.float32]) -> NDArray[np.float32]:
    """(n, M, F/M) float32 → the same words, in a robust order for each sub-vector."""
    parts = np.ascontiguousarray(words.transpose(1, 0, 2))
    orders = _exchange(_distances(parts), _split_orders(parts))
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


def _distances(parts: NDArray[np.float32]) -> NDArray[np.float32]:
    """(M, n, d) → (M, n, n) float32: squared distances of the words of each sub-vector."""
    num_subvectors, count, _ = parts.shape
    distances = np.empty((num_subvectors, count, count), dtype=np.float32)
    for points, found in zip(parts, distances, strict=True):
        for start in range(0, count, _WORDS_AT_ONCE):
            rows = slice(start, start + _WORDS_AT_ONCE)
            difference = points[rows, None] - points[None, start:]
            found[rows, start:] = np.einsum("ijd,ijd->ij", difference, difference)
            found[start:, rows] = found[rows, start:].T
    return distances


def _split_orders(parts: NDArray[np.float32]) -> NDArray[np.int64]:
    """(M, n, d) → (M, n) orders: halves along the principal axis become the halves of the indices, and so on.

    The first half of a block has a power of two words, and all blocks but the last have as many words.
    """
    num_subvectors, count, _ = parts.shape
    orders = np.tile(np.arange(count), (num_subvectors, 1))
    size = 1 << max(count - 1, 0).bit_length()
    while size > 1:
        whole = count // size * size
        for columns, length in ((slice(whole), size), (slice(whole, count), count - whole)):
            if orders[:, columns].size and length > size // 2:  # a shorter block is split later
                blocks = orders[:, columns].reshape(num_subvectors, -1, length)
                points = parts[np.arange(num_subvectors)[:, None, None], blocks]
                ranks = np.argsort(_principal_scores(points), axis=-1, kind="stable")
                orders[:, columns] = np.take_along_axis(blocks, ranks, -1).reshape(num_subvectors, -1)
        size //= 2
    return orders


def _principal_scores(points: NDArray[np.float32]) -> NDArray[np.float32]:
    """(…, n, d) → (…, n): coordinates along an axis close to the principal one, by power iteration."""
    centred = points - points.mean(axis=-2, keepdims=True)
    longest = np.einsum("...nd,...nd->...n", centred, centred).argmax(axis=-1)
    axis = np.take_along_axis(centred, longest[..., None, None], axis=-2)  # (…, 1, d)
    for _ in range(POWER_STEPS):
        axis = (axis @ centred.swapaxes(-1, -2)) @ centred
        axis /= np.maximum(np.linalg.norm(axis, axis=-1, keepdims=True), 1e-30)
    return np.asarray((axis @ centred.swapaxes(-1, -2))[..., 0, :], dtype=np.float32)


@dataclass(frozen=True, eq=False)
class _Placement:
    """Words of all sub-vectors, each at an index.

    Attributes:
        orders: (M, n) int64, the word at each index.
        distances: (M, n, n) float32, distances between the words at two indices.
        costs: (M, n) float32, sum of the distances of each word to the words one bit apart.
        adjacent: (n, n) float32, 1 where indices are one bit apart.
        near: for each index those one bit apart.
    """

    orders: NDArray[np.int64]
    distances: NDArray[np.float32]
    costs: NDArray[np.float32]
    adjacent: NDArray[np.float32]
    near: list[NDArray[np.intp]]

    def gains(self, place: int) -> NDArray[np.float32]:
        """(M, n): decrease of the sum if the words at `place` and at another index are exchanged."""
        near = self.near[place]
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
        changed = np.concatenate([[first, second], self.near[first], self.near[second]])
        self.costs[m, changed] = (distances[changed] * self.adjacent[changed]).sum(axis=1)


def _exchange(distances: NDArray[np.float32], orders: NDArray[np.int64]) -> NDArray[np.int64]:
    """Exchange words until no exchange helps; all sub-vectors are processed in parallel.

    Args:
        distances: (M, n, n) float32, distances of the words in their given order.
        orders: (M, n) int64, the initial order; changed in place.
    """
    adjacent = _one_bit_apart(orders.shape[1])
    placed = np.stack([d[np.ix_(order, order)] for d, order in zip(distances, orders, strict=True)])
    near = [np.flatnonzero(row) for row in adjacent]
    words = _Placement(orders, placed, (placed * adjacent).sum(axis=2), adjacent, near)
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
