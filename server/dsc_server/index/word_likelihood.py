"""Log-likelihood of a received code if a database image matches the query: one code of M sub-vectors.

The model: a matching image x and its query q, both of unit length, differ by a Gaussian of the same variance
in each of the D dimensions. The transmitted word is near q, so P(j | x) ∝ exp(-‖w_j - x‖² / s), and the
received code has the log-likelihood Σ_m log Σ_j P(y_m | j) P(j | x_m). It is tabulated at the words, and
taken as linear near each word.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from dsc_server.index.code_tables import look_up
from dsc_server.index.receiver_model import DEFAULT_MODEL
from dsc_server.kernels.choice import kernels

_LEAST = np.float32(1e-30)


def cosine_per_log(dim: int, match_distance: float) -> float:
    """s/2: weight of a log-likelihood on the scale of cosines, on which -d²/s is -d²/2.

    Args:
        dim: D.
        match_distance: ‖q - x‖² of a matching image, D s/2.
    """
    return match_distance / max(dim, 1)


@dataclass(frozen=True, eq=False)
class LikelihoodTables:
    """Log-likelihoods of one received code, times s/2: on the scale of cosines, as -d²/2 is.

    Attributes:
        values: (M, n) float32, values at each word.
        slopes: (M, n, w) float32, gradients at each word.
        intercepts: (M, n) float32, values of the linear functions at the origin.
    """

    values: NDArray[np.float32]
    slopes: NDArray[np.float32]
    intercepts: NDArray[np.float32]

    def at_words(self, codes: NDArray[np.uint8]) -> NDArray[np.float32]:
        """(M, J) → (J,) float32: log-likelihoods for images of which only the codes are given."""
        return look_up(self.values, codes)

    def near_words(self, codes: NDArray[np.uint8], features: NDArray[np.float32]) -> NDArray[np.float32]:
        """(M, J), (J, D) → (J,) float32: log-likelihoods for images with codes and features."""
        rows = np.ascontiguousarray(codes.T)
        return kernels().near_words(self.intercepts, self.slopes, rows, np.ascontiguousarray(features))


class WordLikelihood:
    """The part of the likelihood that does not depend on the query.

    Args:
        words: (n, M, w) float32.
        match_distance: ‖q - x‖² of a matching image.
    """

    def __init__(
        self, words: NDArray[np.float32], match_distance: float = DEFAULT_MODEL.match_distance
    ) -> None:
        self._words = np.ascontiguousarray(words.transpose(1, 0, 2))
        self._one_and_words = np.concatenate([np.ones_like(self._words[:, :, :1]), self._words], axis=2)
        self._scale = 2 * cosine_per_log(words.shape[1] * words.shape[2], match_distance)

    def prepare(self) -> None:
        """Compute what the first tables would wait for."""
        _ = self._means

    @cached_property
    def _kernel(self) -> NDArray[np.float32]:
        """(M, n, n) float32: P(j | x), for an image x at word i."""
        squares = np.einsum("mnd,mnd->mn", self._words, self._words)
        distances = squares[:, :, None] + squares[:, None] - 2 * self._words @ self._words.transpose(0, 2, 1)
        kernel = np.exp(-np.maximum(distances, 0) / np.float32(self._scale))
        return np.asarray(kernel / kernel.sum(axis=2, keepdims=True), dtype=np.float32)

    @cached_property
    def _means(self) -> NDArray[np.float32]:
        """(M, n, w) float32: the mean word under each row of the kernel."""
        return np.asarray(self._kernel @ self._words, dtype=np.float32)

    def tables(self, posteriors: NDArray[np.float32]) -> LikelihoodTables:
        """Tables of a code.

        Args:
            posteriors: (M, n) float32, P(j | y_m) with a uniform prior over words.
        """
        sums = self._kernel @ (self._one_and_words * posteriors[:, :, None])
        likelihoods = np.maximum(sums[:, :, 0], _LEAST)
        values = np.float32(self._scale / 2) * np.log(likelihoods)
        slopes = np.asarray(sums[:, :, 1:] / likelihoods[:, :, None] - self._means, dtype=np.float32)
        return LikelihoodTables(values, slopes, values - np.einsum("mnd,mnd->mn", slopes, self._words))
