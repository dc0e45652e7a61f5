"""Sub-cells of grouped cells (DUC-G+P), and the choice of those that a query probes."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

ROUNDING = 1e-6


@dataclass(frozen=True, eq=False)
class SubCells:
    """Sub-cells of K cells.

    Attributes:
        alphas: (K,) float32, α of each cell.
        neighbours: (K, S) int64, the cells n_j that sub-cell j points to.
        members: (N,) int64, the sub-cell of each listed image, in the order of the lists.
    """

    alphas: NDArray[np.float32]
    neighbours: NDArray[np.int64]
    members: NDArray[np.int64]

    def centres(self, codewords: NDArray[np.float32], cell: int) -> NDArray[np.float32]:
        """(S, F) float32: c + α (n_j - c)."""
        c = codewords[cell]
        centres: NDArray[np.float32] = c + self.alphas[cell] * (codewords[self.neighbours[cell]] - c)
        return centres


def keep_near_subcells(
    q: NDArray[np.float32],
    codewords: NDArray[np.float32],
    subcells: SubCells,
    cells: Sequence[int],
    offsets: NDArray[np.int64],
) -> list[NDArray[np.bool_]]:
    """For each probed cell a mask over its list: True for sub-cells no farther than the mean distance.

    The mean is over the probed sub-cells that hold images, as in the authors' code (ivf-hnsw).

    Args:
        q: (F,) float32.
        codewords: (K, F) float32.
        subcells: the sub-cells.
        cells: the probed cells that are not empty.
        offsets: (K + 1,) int64, of the lists.
    """
    if subcells.neighbours.shape[1] == 0:  # a single cell
        return [np.ones(offsets[cell + 1] - offsets[cell], dtype=np.bool_) for cell in cells]
    distances, filled = [], []
    members = [subcells.members[offsets[cell] : offsets[cell + 1]] for cell in cells]
    for cell, of_images in zip(cells, members, strict=True):
        difference = subcells.centres(codewords, cell) - q
        distances.append(np.einsum("sf,sf->s", difference, difference))
        filled.append(distances[-1][np.unique(of_images)])
    # Equally far sub-cells must stay: the computed mean of equal numbers may be slightly below them.
    threshold = np.concatenate(filled).mean(dtype=np.float64) * (1 + ROUNDING) if filled else 0.0
    return [part[of_images] <= threshold for part, of_images in zip(distances, members, strict=True)]
