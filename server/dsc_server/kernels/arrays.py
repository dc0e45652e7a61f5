"""The inner loops of a query as array operations: the oracle of the compiled ones, and their replacement."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from dsc_common.codebook.codebook import distance_table
from dsc_server.kernels.visited import Visited

MAX_EXACT_DISTANCES = 4096  # of one sub-vector


@dataclass(frozen=True, eq=False)
class ArrayListing:
    """Images of some lists; each image is a group.

    Attributes:
        images: (n,) int64.
        places: (entries,) int64.
        counts: (lists,) int64, entries of each list.
    """

    images: NDArray[np.int64]
    places: NDArray[np.int64]
    counts: NDArray[np.int64]

    @property
    def num_groups(self) -> int:
        """n."""
        return len(self.images)

    def agreement(
        self, ratios: NDArray[np.float64], missed: NDArray[np.float64], lists: float, agreement: float
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """As `Listing.agreement`."""
        logs = np.zeros(len(self.images))
        for of_lists in ratios.T:
            logs += np.log1p(self._sums(of_lists) * (agreement / lists) - agreement)
        return logs, np.exp(self._sums(np.log(missed)))

    def _sums(self, of_lists: NDArray[np.float64]) -> NDArray[np.float64]:
        """(lists,) → (n,): for each image, the sum over its lists."""
        repeated = np.repeat(of_lists, self.counts)
        return np.bincount(self.places, repeated, minlength=len(self.images)).astype(np.float64)

    def of_images(
        self, of_groups: NDArray[np.float32], places: NDArray[np.int64] | None = None
    ) -> NDArray[np.float32]:
        """(n,) → (n,) float32: as `Listing.of_images`."""
        return of_groups if places is None else of_groups[places]

    def scores(
        self,
        table: NDArray[np.float32],
        codes: NDArray[np.uint8],
        start: float,
        of_groups: NDArray[np.float32],
    ) -> NDArray[np.float32]:
        """(n,) float32: as `Listing.scores`."""
        sums = look_up(table, codes[self.images])
        return np.float32(start) + sums + of_groups


def look_up(table: NDArray[np.float32], codes: NDArray[np.uint8]) -> NDArray[np.float32]:
    """(J,) float32: as `Kernels.look_up`."""
    total = np.zeros(len(codes), dtype=np.float32)
    for row, column in zip(table, codes.T, strict=True):
        total += row.take(column)
    return total


def squared_distances(words: NDArray[np.float32], points: NDArray[np.float32]) -> NDArray[np.float32]:
    """(s, d), (p, d) → (s, p) float32.

    A few distances come from differences: equal vectors are then at exactly 0, which small partitions need.
    Many distances come from a matrix product, which is several times faster.
    """
    if len(words) == 1 or len(words) * len(points) <= MAX_EXACT_DISTANCES:
        difference = points[None] - words[:, None]
        return np.asarray(np.einsum("snd,snd->sn", difference, difference), dtype=np.float32)
    distances = words @ points.T
    distances *= -2
    distances += np.einsum("sd,sd->s", words, words)[:, None]
    distances += np.einsum("pd,pd->p", points, points)
    return np.asarray(np.maximum(distances, 0), dtype=np.float32)


class ArrayWordDistances:
    """As `WordDistances`; keeps the words.

    Args:
        words: (n, M, w) float16 or float32.
    """

    def __init__(self, words: NDArray[np.floating]) -> None:
        self._words = np.asarray(words, dtype=np.float32)

    @property
    def nbytes(self) -> int:
        """Bytes of the words."""
        return self._words.nbytes

    def rows(self, m: int, words: NDArray[np.int64]) -> NDArray[np.float32]:
        """(s, n) float32: as `WordDistances.rows`."""
        return squared_distances(self._words[words, m], self._words[:, m])


class ArrayKernels:
    """As `Kernels`."""

    name = "numpy"

    def listing(
        self,
        images: NDArray[np.int64],
        starts: NDArray[np.int64],
        stops: NDArray[np.int64],
        visited: Visited,
        before: NDArray[np.int64] | None = None,
    ) -> ArrayListing:
        """As `Kernels.listing`."""
        counts = stops - starts
        shifts = starts - (np.cumsum(counts) - counts)
        listed = images[np.repeat(shifts, counts) + np.arange(counts.sum())]
        met = listed if before is None else np.concatenate([before, listed])
        order = np.arange(len(met))
        marks = visited.marks  # negative numbers are of no query, whatever its base
        marks[met[::-1]] = order[::-1] - len(met)  # of equal indices, the last assignment stays
        first = marks[met] + len(met)
        comes_first = first == order
        places = (np.cumsum(comes_first) - 1)[first]
        return ArrayListing(met[comes_first], places[len(met) - len(listed) :], counts)

    def largest_sums(self, values: NDArray[np.float64], count: int) -> NDArray[np.float64]:
        """As `Kernels.largest_sums`."""
        first = max(values.shape[1] - count, 0)
        return np.asarray(np.sort(values, axis=1)[:, first:].sum(axis=1))

    def look_up(self, table: NDArray[np.float32], codes: NDArray[np.uint8]) -> NDArray[np.float32]:
        """As `Kernels.look_up`."""
        return look_up(table, codes)

    def distance_table(self, vector: NDArray[np.float32], words: NDArray[np.floating]) -> NDArray[np.float32]:
        """As `Kernels.distance_table`."""
        return distance_table(vector, np.asarray(words, dtype=np.float32))

    def word_distances(self, words: NDArray[np.floating]) -> ArrayWordDistances:
        """As `Kernels.word_distances`."""
        return ArrayWordDistances(words)

    def near_words(
        self,
        intercepts: NDArray[np.float32],
        slopes: NDArray[np.float32],
        codes: NDArray[np.uint8],
        features: NDArray[np.float32],
    ) -> NDArray[np.float32]:
        """As `Kernels.near_words`."""
        total = look_up(intercepts, codes)
        width = slopes.shape[2]
        for m, (of_subvector, column) in enumerate(zip(slopes, codes.T, strict=True)):
            part = features[:, m * width : (m + 1) * width]
            total += np.einsum("jd,jd->j", of_subvector.take(column, axis=0), part)
        return total

    def rows_as_float32(self, features: NDArray[np.floating], rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """As `Kernels.rows_as_float32`."""
        return np.asarray(features[rows], dtype=np.float32)

    def check_factors(
        self, slots: NDArray[np.float64], places: NDArray[np.int64], received: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """As `Kernels.check_factors`."""
        flat = np.bincount(places.reshape(-1), slots.reshape(-1), len(slots) * received.size)
        added = flat.astype(np.float64).reshape(-1, received.size)
        sums = added.sum(axis=1, keepdims=True)
        added /= sums
        needed = _all_but_one(added, received)
        totals = (added * needed).sum(axis=1, keepdims=True)
        if not totals.all():  # check bits that no head has: they say nothing
            needed, totals = np.where(totals > 0, needed, 1.0), np.where(totals > 0, totals, 1.0)
        return np.asarray(needed / (totals * sums))


def _all_but_one(added: NDArray[np.float64], received: NDArray[np.float64]) -> NDArray[np.float64]:
    """(T, 2^c), (2^c,) → (T, 2^c): `received` convolved over the exclusive or with all rows but one."""
    sums = received[None]  # over all rows so far; then over all but each of them
    for matrix in _convolutions(added):
        sums = np.concatenate([sums @ matrix, sums[:1]])
    return sums[1:]


def _convolutions(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """(T, 2^c) → (T, 2^c, 2^c): matrices that convolve with each row over the exclusive or."""
    count, size = rows.shape
    return rows.take(_exclusive_or(size), axis=1).reshape(count, size, size)


@lru_cache(maxsize=8)
def _exclusive_or(size: int) -> NDArray[np.int64]:
    """(size²,) int64: i xor j, row after row."""
    table = (np.arange(size)[:, None] ^ np.arange(size)).reshape(-1)
    table.flags.writeable = False
    return table
