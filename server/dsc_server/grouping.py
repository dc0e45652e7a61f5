"""Grouping and pruning of cells (DUC-G+P; Baranchuk, Babenko, Malkov 2018).

Cell i with codeword c is split into sub-cells around c + α (n_j - c), towards its nearest codewords n_j. α is
learned per cell; an image belongs to the nearest sub-cell. A query that probes some cells leaves out
those of their sub-cells that lie farther away than the mean of all of them.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dsc_server.batch_encoding import encode_residuals
from dsc_server.cells import nearest_cells

SUBCELLS = 16
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


def learn_alpha(offsets: NDArray[np.float32], directions: NDArray[np.float32]) -> float:
    """α of one cell: Σ numerators / Σ denominators of the projections of its images.

    Each image x counts with the direction n_j - c whose line comes closest to it, at its own best α ≥ 0:
    numerator max(⟨x - c, n_j - c⟩, 0), denominator ‖n_j - c‖².

    Args:
        offsets: (J, F) float32, x - c.
        directions: (S, F) float32, n_j - c.
    """
    numerators = np.maximum(offsets @ directions.T, 0.0)
    denominators = np.einsum("sf,sf->s", directions, directions)
    own = np.divide(numerators, denominators, out=np.zeros_like(numerators), where=denominators > 0)
    # ‖x - c - α (n - c)‖² without its part ‖x - c‖², which is the same for all directions
    distances = own * own * denominators - 2 * own * numerators
    best = distances.argmin(axis=1)
    rows = np.arange(len(offsets))
    total = float(denominators[best].sum())
    return float(numerators[rows, best].sum()) / total if total > 0 else 0.0


def group(
    features: NDArray[np.float32],
    codewords: NDArray[np.float32],
    images: NDArray[np.int64],
    offsets: NDArray[np.int64],
    num_subcells: int = SUBCELLS,
) -> SubCells:
    """Split every cell.

    Args:
        features: (N, F) float32.
        codewords: (K, F) float32.
        images: (N,) int64, list after list.
        offsets: (K + 1,) int64.
        num_subcells: S; at most K - 1. A single cell has no neighbours and stays whole.
    """
    wanted = min(num_subcells, len(codewords) - 1)
    near = nearest_cells(codewords, codewords, wanted + 1)
    neighbours = np.stack([row[row != cell][:wanted] for cell, row in enumerate(near)])
    alphas = np.zeros(len(codewords), dtype=np.float32)
    members = np.zeros(len(images), dtype=np.int64)
    for cell in np.flatnonzero(np.diff(offsets)).tolist() if wanted else []:
        columns = slice(offsets[cell], offsets[cell + 1])
        own = features[images[columns]] - codewords[cell]
        directions = codewords[neighbours[cell]] - codewords[cell]
        alphas[cell] = learn_alpha(own, directions)
        members[columns] = encode_residuals(own, (alphas[cell] * directions)[:, None])[0]
    return SubCells(alphas, neighbours, members)


def keep_near_subcells(
    q: NDArray[np.float32],
    codewords: NDArray[np.float32],
    subcells: SubCells,
    cells: Sequence[int],
    offsets: NDArray[np.int64],
) -> list[NDArray[np.bool_]]:
    """For each probed cell a mask over its list: True where the sub-cell is at most at the mean distance.

    Args:
        q: (F,) float32.
        codewords: (K, F) float32.
        subcells: the sub-cells.
        cells: the probed cells that are not empty.
        offsets: (K + 1,) int64, of the lists.
    """
    distances = []
    for cell in cells:
        difference = subcells.centres(codewords, cell) - q
        distances.append(np.einsum("sf,sf->s", difference, difference))
    if subcells.neighbours.shape[1] == 0:  # a single cell
        return [np.ones(offsets[cell + 1] - offsets[cell], dtype=np.bool_) for cell in cells]
    # Sub-cells that lie equally far stay: the mean of equal numbers may come out a rounding error below them.
    threshold = np.concatenate(distances).mean(dtype=np.float64) * (1 + ROUNDING) if distances else 0.0
    return [
        part[subcells.members[offsets[cell] : offsets[cell + 1]]] <= threshold
        for part, cell in zip(distances, cells, strict=True)
    ]
