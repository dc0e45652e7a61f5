"""The inner loops of a query with compiled loops; importing this module compiles them."""

from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import NDArray

from dsc_server.kernels.compiled_loops import (
    AGREE,
    CHECK_FACTORS,
    DISTANCE_TABLE,
    LARGEST_SUMS,
    LIST_ONCE,
    LOOK_UP,
    NEAR_WORDS,
    SCORE,
)
from dsc_server.kernels.compiled_words import CompiledWordDistances, rows_as_float32, words_as_float32
from dsc_server.kernels.visited import Visited


@dataclass(frozen=True, eq=False)
class CompiledListing:
    """Images of some lists, in groups of images that are in the same of these lists.

    Where images are in many lists there are more of these groups than images, since every beginning of a set
    of lists is one. Then each image is a group for those who ask.

    Attributes:
        images: (n,) int64.
        places: (entries,) int32.
        sets: (n,) int32, for each image the group of images in the same lists.
        parents: (groups,) int32, for each group the group of its lists but the last.
        last_lists: (groups,) int32, the last list of each group; group 0 has none.
        num_lists: number of lists.
    """

    images: NDArray[np.int64]
    places: NDArray[np.int32]
    sets: NDArray[np.int32]
    parents: NDArray[np.int32]
    last_lists: NDArray[np.int32]
    num_lists: int

    @property
    def num_groups(self) -> int:
        """Number of groups, or of images if they are fewer."""
        return min(len(self.parents), len(self.images))

    @cached_property
    def groups(self) -> NDArray[np.int32]:
        """(n,) int32: the group of each image."""
        if self._is_each_a_group:
            return np.arange(len(self.images), dtype=np.int32)
        return self.sets

    @property
    def _is_each_a_group(self) -> bool:
        return len(self.images) < len(self.parents)

    def agreement(
        self, ratios: NDArray[np.float64], missed: NDArray[np.float64], lists: float, agreement: float
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """As `Listing.agreement`."""
        if len(ratios) != self.num_lists or len(missed) != self.num_lists:
            raise ValueError(f"expected {self.num_lists} lists, got {len(ratios)} and {len(missed)}")
        groups = self.sets if self._is_each_a_group else np.arange(len(self.parents), dtype=np.int32)
        sums, products = np.empty((len(self.parents), ratios.shape[1])), np.empty(len(self.parents))
        logs, chances = np.empty(len(groups)), np.empty(len(groups))
        AGREE(
            *(self.parents, self.last_lists, np.ascontiguousarray(ratios), missed, agreement / lists),
            *(groups, sums, products, logs, chances, agreement),
        )
        return logs, chances

    def of_images(
        self, of_groups: NDArray[np.float32], places: NDArray[np.int64] | None = None
    ) -> NDArray[np.float32]:
        """(groups,) → (n,) float32: as `Listing.of_images`."""
        return of_groups.take(self.groups if places is None else self.groups.take(places))

    def scores(
        self,
        table: NDArray[np.float32],
        codes: NDArray[np.uint8],
        start: float,
        of_groups: NDArray[np.float32],
    ) -> NDArray[np.float32]:
        """(n,) float32: as `Listing.scores`."""
        scores = np.empty(len(self.images), dtype=np.float32)
        SCORE(
            np.ascontiguousarray(table), codes, self.images, self.groups, of_groups, np.float32(start), scores
        )
        return scores


class CompiledKernels:
    """As `Kernels`."""

    name = "numba"

    def listing(
        self,
        images: NDArray[np.int64],
        starts: NDArray[np.int64],
        stops: NDArray[np.int64],
        visited: Visited,
        before: NDArray[np.int64] | None = None,
    ) -> CompiledListing:
        """As `Kernels.listing`."""
        met = 0 if before is None else len(before)
        entries = int((stops - starts).sum())
        base = visited.begin(met + entries)
        found = np.empty(met + entries, dtype=np.int64)
        groups = np.empty(met + entries, dtype=np.int32)
        places = np.empty(entries, dtype=np.int32)
        parents, last_lists, children = (np.empty(entries + 1, dtype=np.int32) for _ in range(3))
        if before is not None:
            found[:met], groups[:met] = before, 0
            visited.marks[before] = np.arange(base, base + met)
        count, num_groups, _ = LIST_ONCE(
            *(images, starts, stops, base, met, visited.marks, found, groups, places),
            *(parents, last_lists, children),
        )
        visited.end(count)
        of_groups = parents[:num_groups], last_lists[:num_groups]
        return CompiledListing(found[:count], places, groups[:count], *of_groups, len(starts))

    def largest_sums(self, values: NDArray[np.float64], count: int) -> NDArray[np.float64]:
        """As `Kernels.largest_sums`."""
        sums = np.empty(len(values))
        LARGEST_SUMS(np.ascontiguousarray(values), np.empty(min(count, values.shape[1])), sums)
        return sums

    def look_up(self, table: NDArray[np.float32], codes: NDArray[np.uint8]) -> NDArray[np.float32]:
        """As `Kernels.look_up`."""
        sums = np.empty(len(codes), dtype=np.float32)
        LOOK_UP(np.ascontiguousarray(table), codes, sums)
        return sums

    def distance_table(self, vector: NDArray[np.float32], words: NDArray[np.floating]) -> NDArray[np.float32]:
        """As `Kernels.distance_table`."""
        table = np.empty((words.shape[1], words.shape[0]), dtype=np.float32)
        DISTANCE_TABLE(np.ascontiguousarray(vector), words_as_float32(words), table)
        return table

    def word_distances(self, words: NDArray[np.floating]) -> CompiledWordDistances:
        """As `Kernels.word_distances`."""
        return CompiledWordDistances(words)

    def near_words(
        self,
        intercepts: NDArray[np.float32],
        slopes: NDArray[np.float32],
        codes: NDArray[np.uint8],
        features: NDArray[np.float32],
    ) -> NDArray[np.float32]:
        """As `Kernels.near_words`."""
        sums = np.empty(len(codes), dtype=np.float32)
        NEAR_WORDS(np.ascontiguousarray(intercepts), np.ascontiguousarray(slopes), codes, features, sums)
        return sums

    def rows_as_float32(self, features: NDArray[np.floating], rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """As `Kernels.rows_as_float32`."""
        return rows_as_float32(features, rows)

    def check_factors(
        self, slots: NDArray[np.float64], places: NDArray[np.int64], received: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """As `Kernels.check_factors`."""
        count, size = len(slots), received.size
        plan, results = _all_but_one(count)
        rows, factors = np.empty((count + 1 + len(plan), size)), np.empty((count, size))
        rows[count] = received
        CHECK_FACTORS(slots, places, plan, results, rows, factors)
        return factors


@lru_cache(maxsize=8)
def _all_but_one(count: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Convolutions of T rows and the row after them, and where their results lie.

    Result t is over all rows but t: of those before it, and those after it.
    """
    plan: list[tuple[int, int, int]] = []

    def convolved(a: int, b: int) -> int:
        plan.append((a, b, count + 1 + len(plan)))
        return plan[-1][2]

    before = [count]
    for row in range(count - 1):
        before.append(convolved(before[-1], row))
    places = before.copy()
    after = count - 1
    for row in range(count - 2, -1, -1):
        places[row] = convolved(before[row], after)
        if row:
            after = convolved(after, row)
    return np.array(plan, dtype=np.int64).reshape(-1, 3), np.array(places, dtype=np.int64)
