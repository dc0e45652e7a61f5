"""The inner loops of a query as one interface, so that a server without numba ranks the same images."""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from dsc_server.kernels.visited import Visited


class Listing(Protocol):
    """Images of some lists, each once, in groups: images of one group are in the same of these lists.

    What a query says about an image by its lists alone is computed once per group.
    """

    @property
    def images(self) -> NDArray[np.int64]:
        """(n,) int64: the images in order of their first appearance."""

    @property
    def places(self) -> NDArray[np.integer]:
        """(entries,): position among the images of each entry of the lists, list after list."""

    @property
    def num_groups(self) -> int:
        """Number of groups; a group may be empty."""

    def agreement(
        self, ratios: NDArray[np.float64], missed: NDArray[np.float64], lists: float, agreement: float
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """For each group: what T ratios of its lists say about it, and the product of a number of each.

        Args:
            ratios: (lists, T) float64.
            missed: (lists,) float64, above 0.
            lists: number of lists of an image, on average.
            agreement: a.

        Returns:
            (groups,) Σ_t log(1 + a (R_t / lists - 1)), with R_t the sum of a group's ratios; and (groups,)
            the product of `missed` over its lists.
        """

    def of_images(
        self, of_groups: NDArray[np.float32], places: NDArray[np.int64] | None = None
    ) -> NDArray[np.float32]:
        """(groups,) → (n,) float32: the value of each image's group; of the images at some places only."""

    def scores(
        self,
        table: NDArray[np.float32],
        codes: NDArray[np.uint8],
        start: float,
        of_groups: NDArray[np.float32],
    ) -> NDArray[np.float32]:
        """(n,) float32: start + Σ_m table[m, codes[image, m]] + the value of each image's group.

        Args:
            table: (M, n) float32.
            codes: (R, M) uint8, contiguous rows, one per image.
            start: a number added to each.
            of_groups: (groups,) float32.
        """


class WordDistances(Protocol):
    """Squared distances between the words of one partition; computed when they are needed."""

    @property
    def nbytes(self) -> int:
        """Bytes that are kept."""

    def rows(self, m: int, words: NDArray[np.int64]) -> NDArray[np.float32]:
        """(s, n) float32: squared distances of some words of sub-vector m to all; 0 of equal words."""


class Kernels(Protocol):
    """The inner loops of decoding and ranking."""

    @property
    def name(self) -> str:
        """What computes: numba or numpy."""

    def listing(
        self,
        images: NDArray[np.int64],
        starts: NDArray[np.int64],
        stops: NDArray[np.int64],
        visited: Visited,
        before: NDArray[np.int64] | None = None,
    ) -> Listing:
        """The images of some lists, each once.

        Args:
            images: (E,) int64, the entries of all lists.
            starts: (lists,) int64, first entry of each list.
            stops: (lists,) int64, the entry after the last of each list; no list has an image twice.
            visited: scratch of the index.
            before: images that come first, in this order and whether or not a list has them.
        """

    def largest_sums(self, values: NDArray[np.float64], count: int) -> NDArray[np.float64]:
        """(T, P) float64 → (T,): for each row the sum of its `count` largest values, or of all P if fewer."""

    def look_up(self, table: NDArray[np.float32], codes: NDArray[np.uint8]) -> NDArray[np.float32]:
        """(M, n) float32, (J, M) uint8 contiguous → (J,) float32: Σ_m table[m, codes[j, m]]."""

    def distance_table(self, vector: NDArray[np.float32], words: NDArray[np.floating]) -> NDArray[np.float32]:
        """(M, n) float32: ‖vector_m - words[j, m]‖²; exactly 0 of equal vectors.

        Args:
            vector: (M, w) float32.
            words: (n, M, w) float16 or float32, contiguous.
        """

    def word_distances(self, words: NDArray[np.floating]) -> WordDistances:
        """Distances between (n, M, w) words of float16 or float32, contiguous."""

    def near_words(
        self,
        intercepts: NDArray[np.float32],
        slopes: NDArray[np.float32],
        codes: NDArray[np.uint8],
        features: NDArray[np.float32],
    ) -> NDArray[np.float32]:
        """(J,) float32: Σ_m intercepts[m, c_m] + ⟨slopes[m, c_m], features_m⟩, with c the code of each row.

        Args:
            intercepts: (M, n) float32.
            slopes: (M, n, w) float32.
            codes: (J, M) uint8, contiguous.
            features: (J, ≥ M · w) float32, contiguous.
        """

    def rows_as_float32(self, features: NDArray[np.floating], rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """(R, D) float16 or float32, (n,) rows → (n, D) float32; IndexError if there is no such row."""

    def check_factors(
        self, slots: NDArray[np.float64], places: NDArray[np.int64], received: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """What check bits of c bits, the exclusive or of what T labels add to them, say about each label.

        Args:
            slots: (T, K) float64, contiguous: the weight of each label of each slot.
            places: (T, K) int64, t · 2^c and the number that label k adds in slot t.
            received: (2^c,) float64, the weight of each number that the check bits may be.

        Returns:
            (T, 2^c) float64: factors of the weights that make them posteriors, by the number that is added.
        """
