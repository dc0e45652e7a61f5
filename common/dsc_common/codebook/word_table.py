"""Codes of a photo's residuals by matrix products (eqs. 5, 6): those of `encode_residual`, in less time.

‖r - w‖² = ‖r‖² + ‖w‖² - 2⟨r, w⟩ is rounded differently from the squared differences in `encode_residual`.
Both rounding errors are bounded. If the two nearest words are closer together than the bounds, the products
cannot decide, and `encode_residual` encodes that sub-vector.

Tables of the partitions that were used last are kept, up to MAX_BYTES for each codebook. Scales of int8 words
are multiplied with the residual, not with the words, so that a new table is one copy.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from dsc_common.codebook.codebook import EncoderCodebook, decode_residual, encode_residual
from dsc_common.codebook.precision import Stored
from dsc_common.codebook.recently_used import RecentlyUsed

MAX_BYTES = 32 << 20  # 25 partitions of 256 words, F = 1280

_FLOAT32 = np.finfo(np.float32)
_ROUNDOFF = float(_FLOAT32.eps) / 2
_LARGEST = 1e-2 * float(_FLOAT32.max)  # larger squares may overflow


@dataclass(frozen=True, eq=False)
class WordTable:
    """The words of a partition as products need them.

    Attributes:
        steps: (n, M, F/M) float32, the stored numbers; a word is step · scale.
        scales: (M, 1) float32; ones unless the stored type is int8.
        squares: (M, n) float32, ‖w‖².
        longest: (M,) float64, the greatest ‖w‖.
    """

    steps: NDArray[np.float32]
    scales: NDArray[np.float32]
    squares: NDArray[np.float32]
    longest: NDArray[np.float64]

    @classmethod
    def of(cls, stored: Stored, scales: NDArray[np.float32]) -> "WordTable":
        """The table of words as they are stored: (n, M, F/M) of any precision, with scales (M,) of int8."""
        steps = stored.astype(np.float32)
        steps.flags.writeable = False
        used = scales if stored.dtype == np.int8 else np.ones(stored.shape[1], dtype=np.float32)
        with np.errstate(over="ignore", invalid="ignore"):
            squares = np.einsum("nmd,nmd->mn", steps, steps)
            squares *= np.square(used)[:, None]
        longest = np.sqrt(squares.max(axis=1, initial=0.0).astype(np.float64)) * (1 + 1e-3)  # rounded up
        return cls(steps, used[:, None], squares, longest)

    @property
    def nbytes(self) -> int:
        """Bytes in memory."""
        return sum(array.nbytes for array in (self.steps, self.scales, self.squares, self.longest))

    @property
    def num_words(self) -> int:
        """n."""
        return len(self.steps)

    def distances(self, parts: NDArray[np.float32]) -> NDArray[np.float32]:
        """(M, F/M) residual → (M, n): ‖r - w‖² less ‖r‖², the same for all words."""
        scaled = parts * self.scales
        found: NDArray[np.float32] = np.matmul(self.steps.transpose(1, 0, 2), scaled[:, :, None])[:, :, 0]
        found *= -2
        found += self.squares
        return found

    def look_again(self, parts: NDArray[np.float32], near: NDArray[np.intp]) -> NDArray[np.uint8]:
        """`encode_residual` of some sub-vectors, by their numbers."""
        words = np.ascontiguousarray(self.steps[:, near]) * self.scales[near]  # sums in that order, too
        return encode_residual(parts[near].reshape(-1), words)

    def decoded(self, code: NDArray[np.uint8]) -> NDArray[np.float32]:
        """`decode_residual` of a code (M,) with the words: (F,) float32."""
        steps = decode_residual(code, self.steps).reshape(len(code), -1)
        return (steps * self.scales).reshape(-1)


def encode_residuals(tables: Sequence[WordTable], residuals: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Codes of residuals, each with the words of its partition, equal to those of `encode_residual`.

    Args:
        tables: of T partitions, of one M and F.
        residuals: (T, F) float32.

    Returns:
        (T, M) uint8.
    """
    _, num_subvectors, width = tables[0].steps.shape
    parts = residuals.reshape(len(tables), num_subvectors, width)
    codes = np.zeros(parts.shape[:2], dtype=np.uint8)
    several = [slot for slot, table in enumerate(tables) if table.num_words > 1]  # else there is no choice
    if not several:
        return codes
    most = max(table.num_words for table in tables)
    distances = np.full((len(several), num_subvectors, most), np.inf, dtype=np.float32)
    with np.errstate(over="ignore", invalid="ignore"):
        for row, slot in enumerate(several):
            distances[row, :, : tables[slot].num_words] = tables[slot].distances(parts[slot])
        flat = distances.reshape(-1, most)
        rows, nearest = np.arange(len(flat)), flat.argmin(axis=1)
        least = flat[rows, nearest].astype(np.float64)
        flat[rows, nearest] = np.inf
        gaps = (flat.min(axis=1) - least).reshape(len(several), num_subvectors)
        lengths = np.sqrt(np.einsum("tmd,tmd->tm", parts[several], parts[several])) * (1 + 1e-3)  # rounded up
        longest = np.array([tables[slot].longest for slot in several])
        decided = gaps > undecided_gaps(np.square(lengths + longest), width)
    codes[several] = nearest.reshape(gaps.shape)
    if not decided.all():
        for row, slot in enumerate(several):
            near = np.flatnonzero(~decided[row])
            if near.size:
                codes[slot, near] = tables[slot].look_again(parts[slot], near)
    return codes


class WordTables:
    """The tables of a codebook's partitions that were used last; calls from several threads are safe."""

    def __init__(self, max_bytes: int = MAX_BYTES) -> None:
        self._used: RecentlyUsed[WordTable] = RecentlyUsed(max_bytes)

    def of(self, codebook: EncoderCodebook, partition: int) -> WordTable:
        """The table of R^partition."""
        table = self._used.get(partition)
        if table is None:
            table = WordTable.of(codebook.stored(partition), codebook.scales_of(partition))
            self._used.put(partition, table)
        return table


_TABLES: WeakKeyDictionary[EncoderCodebook, WordTables] = WeakKeyDictionary()


def word_table(codebook: EncoderCodebook, partition: int) -> WordTable:
    """The words of a partition, ready to encode residuals."""
    tables = _TABLES.get(codebook)
    if tables is None:
        tables = _TABLES.setdefault(codebook, WordTables())
    return tables.of(codebook, partition)


def undecided_gaps(scales: NDArray[np.float64], width: int) -> NDArray[np.float64]:
    """(B,) gap of two computed distances up to which the exact ones may have the other order.

    With u the unit roundoff and γ_k = k u / (1 - k u), a sum of `width` products or squared differences has
    an error of at most γ_{width+3} (‖r‖ + ‖w‖)², in any order of summation (Higham 2002, ch. 3). Where a
    scale is multiplied with the residual and not with the word, three more factors are rounded: γ_{width+6}.
    A gap compares two words, each computed in two ways: four such errors, and underflow.

    Args:
        scales: (B,) float64, (‖r‖ + max ‖w‖)².
        width: F/M.
    """
    steps = width + 6
    gamma = steps * _ROUNDOFF / (1 - steps * _ROUNDOFF)
    found = 4 * gamma * scales + 16 * steps * float(_FLOAT32.tiny)
    found[~(scales < _LARGEST)] = np.inf
    return found
