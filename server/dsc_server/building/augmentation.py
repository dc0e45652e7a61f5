"""Database augmentation (DBA): each database feature is averaged once with its nearest neighbours.

Weights are similarities to the power α = 3 (Radenović, Tolias, Chum 2019), as in query expansion
(`ranking/expansion.py`). It costs time at the server, but no bits over the air.
"""

import numpy as np
from numpy.typing import NDArray

from dsc_common.vectors import normalised
from dsc_server.building.neighbours import nearest_neighbours
from dsc_server.building.parallel import blocks_of, in_threads

ALPHA = 3.0
ROWS_AT_ONCE = 1024


def augment(features: NDArray[np.float32], neighbours: int) -> NDArray[np.float32]:
    """(N, D) float32 of unit length → each averaged with its nearest `neighbours`, of unit length again."""
    similarities, nearest = nearest_neighbours(features, min(neighbours + 1, len(features)))
    averaged = np.empty_like(features)

    def average(rows: slice) -> None:
        weights = np.maximum(similarities[rows], 0.0) ** ALPHA * (nearest[rows] >= 0)
        averaged[rows] = normalised(np.einsum("ij,ijd->id", weights, features[nearest[rows]]))

    in_threads(average, blocks_of(len(features), ROWS_AT_ONCE))
    return averaged
