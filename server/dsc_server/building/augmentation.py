"""Database augmentation (DBA): each database feature is averaged once with its nearest neighbours.

Weights are similarities to the power α = 3 (Radenović, Tolias, Chum 2019), as in query expansion
(`ranking/expansion.py`). It costs time at the server, but no bits over the air.
"""

import faiss
import numpy as np
from numpy.typing import NDArray

from dsc_common.vectors import normalised

ALPHA = 3.0
EXACT_UP_TO = 200_000
_CELLS = 1024
_PROBES = 16


def augment(features: NDArray[np.float32], neighbours: int) -> NDArray[np.float32]:
    """(N, D) float32 of unit length → each averaged with its nearest `neighbours`, of unit length again."""
    index = _similarity_index(features)
    count = min(neighbours + 1, len(features))
    averaged = np.empty_like(features)
    for start in range(0, len(features), 4096):
        rows = slice(start, start + 4096)
        similarities, nearest = index.search(features[rows], count)
        weights = np.maximum(similarities, 0.0) ** ALPHA * (nearest >= 0)
        averaged[rows] = np.einsum("ij,ijd->id", weights, features[nearest])
    return normalised(averaged)


def _similarity_index(features: NDArray[np.float32]) -> faiss.Index:
    flat = faiss.IndexFlatIP(features.shape[1])
    if len(features) <= EXACT_UP_TO:
        flat.add(features)
        return flat
    cells = faiss.IndexIVFFlat(flat, features.shape[1], _CELLS, faiss.METRIC_INNER_PRODUCT)
    cells.nprobe = _PROBES
    cells.train(features)
    cells.add(features)
    return cells
