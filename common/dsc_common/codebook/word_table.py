"""Codes of one residual by matrix products (eqs. 5, 6), equal to those of `encode_residual`, in less time.

‖r - w‖² = ‖r‖² + ‖w‖² - 2⟨r, w⟩ is rounded differently from the squared differences in `encode_residual`.
Both rounding errors are bounded. If the two nearest words are closer together than the bounds, the products
cannot decide, and `encode_residual` encodes that sub-vector.

Tables of the partitions that were used last are kept, up to MAX_BYTES for each codebook.
"""

from collections import OrderedDict
from dataclasses import dataclass
from threading import Lock
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from dsc_common.codebook.codebook import EncoderCodebook, encode_residual, split
from dsc_common.codebook.precision import Stored, restore_by_subvector

MAX_BYTES = 32 << 20  # 25 partitions of 256 words, F = 1280

_FLOAT32 = np.finfo(np.float32)
_ROUNDOFF = float(_FLOAT32.eps) / 2
_LARGEST = 1e-2 * float(_FLOAT32.max)  # larger squares may overflow


@dataclass(frozen=True, eq=False)
class WordTable:
    """The words of a partition as products need them.

    Attributes:
        words: (n, M, F/M) float32; in memory the sub-vector comes first.
        squares: (M, n) float32, ‖w‖².
        longest: (M,) float64, the greatest ‖w‖.
    """

    words: NDArray[np.float32]
    squares: NDArray[np.float32]
    longest: NDArray[np.float64]

    @classmethod
    def of(cls, stored: Stored, scales: NDArray[np.float32]) -> "WordTable":
        """The table of words as they are stored: (n, M, F/M) of any precision, with scales (M,) of int8."""
        by_subvector = restore_by_subvector(stored, scales)
        squares = np.einsum("mnd,mnd->mn", by_subvector, by_subvector)
        longest = np.sqrt(squares.max(axis=1, initial=0.0).astype(np.float64)) * (1 + 1e-3)  # rounded up
        by_subvector.flags.writeable = False
        return cls(by_subvector.transpose(1, 0, 2), squares, longest)

    @property
    def nbytes(self) -> int:
        """Bytes in memory."""
        return self.words.nbytes + self.squares.nbytes + self.longest.nbytes

    def encode(self, residual: NDArray[np.float32]) -> NDArray[np.uint8]:
        """(F,) residual → (M,) uint8: what `encode_residual` gives."""
        num_words, num_subvectors, width = self.words.shape
        if num_words < 2:  # a single word, or none
            return np.zeros(num_subvectors, dtype=np.uint8)
        parts = split(residual, num_subvectors)
        with np.errstate(over="ignore", invalid="ignore"):
            products = np.matmul(self.words.transpose(1, 0, 2), parts[:, :, None])[:, :, 0]
            distances = self.squares - 2 * products  # less ‖r‖², the same for all words
            nearest = distances.argmin(axis=1)
            two = np.partition(distances, 1, axis=1)[:, :2].astype(np.float64)
            lengths = np.sqrt(np.einsum("md,md->m", parts, parts, dtype=np.float64))
            gaps = two[:, 1] - two[:, 0]
        decided = gaps > undecided_gaps(np.square(lengths + self.longest), width)
        codes: NDArray[np.uint8] = nearest.astype(np.uint8)
        if not decided.all():
            near = np.flatnonzero(~decided)
            words = np.ascontiguousarray(self.words[:, near])  # summed in the order of all words
            codes[near] = encode_residual(parts[near].reshape(-1), words)
        return codes


class WordTables:
    """The tables of a codebook's partitions that were used last; calls from several threads are safe."""

    def __init__(self, max_bytes: int = MAX_BYTES) -> None:
        self._max_bytes = max_bytes
        self._held: OrderedDict[int, WordTable] = OrderedDict()
        self._nbytes = 0
        self._lock = Lock()

    def of(self, codebook: EncoderCodebook, partition: int) -> WordTable:
        """The table of R^partition."""
        with self._lock:
            table = self._held.get(partition)
            if table is not None:
                self._held.move_to_end(partition)
                return table
        table = WordTable.of(codebook.stored(partition), codebook.scales_of(partition))
        with self._lock:
            if partition not in self._held:
                self._held[partition] = table
                self._nbytes += table.nbytes
            while self._nbytes > self._max_bytes and len(self._held) > 1:
                self._nbytes -= self._held.popitem(last=False)[1].nbytes
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
    an error of at most γ_{width+3} (‖r‖ + ‖w‖)², in any order of summation (Higham 2002, ch. 3). A gap
    compares two words, each computed in two ways: four such errors, and underflow.

    Args:
        scales: (B,) float64, (‖r‖ + max ‖w‖)².
        width: F/M.
    """
    steps = width + 3
    gamma = steps * _ROUNDOFF / (1 - steps * _ROUNDOFF)
    found = 4 * gamma * scales + 16 * steps * float(_FLOAT32.tiny)
    found[~(scales < _LARGEST)] = np.inf
    return found
