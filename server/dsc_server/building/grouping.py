"""Grouping and pruning of cells (DUC-G+P; Baranchuk, Babenko, Malkov 2018).

Cell i with codeword c is split into sub-cells around c + α (n_j - c), towards its nearest codewords n_j. α is
learned per cell; an image belongs to the nearest sub-cell. A query skips those sub-cells of its probed cells
that are farther away than the mean distance of those with images.
"""

import numpy as np
from numpy.typing import NDArray

from dsc_server.building.batch_encoding import encode_residuals
from dsc_server.building.cells import nearest_cells
from dsc_server.index.subcells import SubCells

SUBCELLS = 16


def learn_alpha(offsets: NDArray[np.float32], directions: NDArray[np.float32]) -> float:
    """α of one cell: Σ numerators / Σ denominators of the projections of its images.

    Each image x counts with the direction n_j - c whose ray comes closest to it, for the best α ≥ 0 of x:
    numerator max(⟨x - c, n_j - c⟩, 0), denominator ‖n_j - c‖².

    Args:
        offsets: (J, F) float32, x - c.
        directions: (S, F) float32, n_j - c.
    """
    numerators = np.maximum(offsets @ directions.T, 0.0)
    denominators = np.einsum("sf,sf->s", directions, directions)
    alphas = np.divide(numerators, denominators, out=np.zeros_like(numerators), where=denominators > 0)
    # ‖x - c - α (n - c)‖² without its part ‖x - c‖², which is the same for all directions
    distances = alphas * alphas * denominators - 2 * alphas * numerators
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
    count = min(num_subcells, len(codewords) - 1)
    near = nearest_cells(codewords, codewords, count + 1)
    neighbours = np.stack([row[row != cell][:count] for cell, row in enumerate(near)])
    alphas = np.zeros(len(codewords), dtype=np.float32)
    members = np.zeros(len(images), dtype=np.int64)
    for cell in np.flatnonzero(np.diff(offsets)).tolist() if count else []:
        columns = slice(offsets[cell], offsets[cell + 1])
        residuals = features[images[columns]] - codewords[cell]
        directions = codewords[neighbours[cell]] - codewords[cell]
        alphas[cell] = learn_alpha(residuals, directions)
        members[columns] = encode_residuals(residuals, (alphas[cell] * directions)[:, None])[0]
    return SubCells(alphas, neighbours, members)
