"""Lloyd's k-means, without comparisons that cannot change a result.

Most words soon cease to move, above all where words are many among few points, as in a partition. A step
compares a point only with the words that have moved, unless the word it had is now farther away than another
may be. The algorithm ends when no word moves. Its words are those of plain steps.
"""

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from dsc_server.building.parallel import blocks_of, in_threads, in_turn

AT_ONCE = 1 << 19  # numbers of a block; they fit into the cache
_FARTHER = 1e-5  # of the largest ‖x‖²; below, rounding decides which point is far from its word


def lloyd(
    points: NDArray[np.float32], words: NDArray[np.float32], iterations: int, *, parallel: bool = False
) -> NDArray[np.float32]:
    """Words after some steps, each of which assigns every point to a word, then moves words to means.

    A word without points moves to a point that is far from its word.

    Args:
        points: (J, d) float32, J ≥ 1.
        words: (n, d) float32, n ≥ 1, at the start.
        iterations: most steps.
        parallel: use threads; the words do not depend on it.

    Returns:
        (n, d) float32.
    """
    words = np.array(words, dtype=np.float32)
    squares = np.einsum("jd,jd->j", points, points)
    assignment = _Assignment(points, parallel=parallel)
    sums = np.zeros(words.shape)
    moved = np.ones(len(words), dtype=np.bool_)
    for _ in range(iterations):
        former = assignment.nearest.copy()
        assignment.update(words, moved)
        nearest = assignment.nearest
        changing = np.flatnonzero(nearest != former)
        _add(sums, points, changing, nearest[changing], 1, parallel=parallel)
        leaving = changing[former[changing] >= 0]
        _add(sums, points, leaving, former[leaving], -1, parallel=parallel)
        sizes = np.bincount(nearest, minlength=len(words))
        sums[sizes == 0] = 0  # without what rounding leaves
        changed = np.zeros(len(words), dtype=np.bool_)
        changed[nearest[changing]] = changed[former[leaving]] = True
        changed &= sizes > 0
        means = (sums[changed] / sizes[changed, None]).astype(np.float32)
        moved = changed.copy()
        moved[changed] = (means != words[changed]).any(axis=1)
        words[changed] = means
        if not sizes.all():
            errors = squares + assignment.scores
            moved |= _move_to_far_points(words, points, sizes == 0, errors, squares.max())
        if not moved.any():
            break
    return words


class _Assignment:
    """The nearest word of each point. Scores are ‖w‖² - 2⟨x, w⟩: squared distances less ‖x‖².

    Attributes:
        nearest: (J,) the nearest word; -1 before the first update.
        scores: (J,) float32, its score.
        others: (J,) float32, a lower bound of the scores of all other words.
    """

    def __init__(self, points: NDArray[np.float32], *, parallel: bool) -> None:
        self._points = points
        self._each = in_threads if parallel else in_turn
        self.nearest = np.full(len(points), -1)
        self.scores = np.full(len(points), np.inf, dtype=np.float32)
        self.others = np.full(len(points), np.inf, dtype=np.float32)

    def update(self, words: NDArray[np.float32], moved: NDArray[np.bool_]) -> None:
        """Assign the points to (n, d) words, of which those of the (n,) mask have moved; at first all."""
        self.scores[moved[self.nearest]] = np.inf  # a word that has moved is compared like any other
        self._compare(np.arange(len(self._points)), words, np.flatnonzero(moved))
        doubtful = np.flatnonzero(self.scores >= self.others)
        self.scores[doubtful] = self.others[doubtful] = np.inf
        self._compare(doubtful, words, np.arange(len(words)))

    def _compare(
        self, rows: NDArray[np.intp], words: NDArray[np.float32], candidates: NDArray[np.intp]
    ) -> None:
        """Compare some points with some words."""
        if not rows.size:
            return
        directions = (-2 * words[candidates]).T
        squares = np.einsum("nd,nd->n", words[candidates], words[candidates])
        everything = len(rows) == len(self._points)

        def compare(block: slice) -> None:
            # A slice of all points is no copy.
            scores = self._points[block if everything else rows[block]] @ directions
            scores += squares
            self._merge(rows[block], scores, candidates)

        size = max(1, AT_ONCE // max(directions.shape))
        self._each(compare, blocks_of(len(rows), size))

    def _merge(
        self, rows: NDArray[np.intp], scores: NDArray[np.float32], candidates: NDArray[np.intp]
    ) -> None:
        """Take the least of new (B, C) scores where it is less than before; of equals the first word."""
        numbers, column = np.arange(len(rows)), scores.argmin(axis=1)
        best, least, former = candidates[column], scores[numbers, column], self.scores[rows]
        scores[numbers, column] = np.inf
        second = scores.min(axis=1)
        closer = (least < former) | ((least == former) & (best < self.nearest[rows]))
        others = np.where(closer, np.minimum(former, second), least)
        self.others[rows] = np.minimum(self.others[rows], others)
        self.nearest[rows] = np.where(closer, best, self.nearest[rows])
        self.scores[rows] = np.minimum(least, former)


def _add(
    sums: NDArray[np.float64],
    points: NDArray[np.float32],
    rows: NDArray[np.intp],
    owners: NDArray[np.intp],
    sign: int,
    *,
    parallel: bool,
) -> None:
    """Add the (R,) rows of the points to the sums of the words that own them, or subtract them."""
    if not rows.size:
        return
    rows = rows[np.argsort(owners.astype(np.min_scalar_type(len(sums))), kind="stable")]
    counts = np.bincount(owners)
    chosen = np.flatnonzero(counts)
    ends = np.cumsum(counts[chosen])
    starts = ends - counts[chosen]

    def add(words: tuple[int, int]) -> None:
        first, last = words
        block = points[rows[starts[first] : ends[last - 1]]]
        sums[chosen[first:last]] += sign * np.add.reduceat(block, starts[first:last] - starts[first], axis=0)

    groups = np.flatnonzero(np.diff(starts // max(1, AT_ONCE // points.shape[1]), prepend=-1))
    each = in_threads if parallel else in_turn
    each(add, pairwise([*groups.tolist(), len(chosen)]))


def _move_to_far_points(
    words: NDArray[np.float32],
    points: NDArray[np.float32],
    unused: NDArray[np.bool_],
    errors: NDArray[np.float32],
    scale: float,
) -> NDArray[np.bool_]:
    """Move unused words to the points of the largest errors; return a mask of the words that have moved.

    `scale` is the largest ‖x‖²: errors are exact to a small fraction of it.
    """
    farthest = np.argsort(-errors, kind="stable")[: np.count_nonzero(unused)]
    farthest = farthest[errors[farthest] > _FARTHER * scale]
    chosen = np.flatnonzero(unused)[: farthest.size]
    words[chosen] = points[farthest]
    moved = np.zeros(len(words), dtype=np.bool_)
    moved[chosen] = True
    return moved
