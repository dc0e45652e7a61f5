"""Scores of images from their codes: eq. (14), eq. (15), and eq. (14) for an uncertain code."""

from functools import partial

import numpy as np
from numpy.typing import NDArray

from dsc_common.codebook.codebook import split
from dsc_server.index.code_tables import look_up
from dsc_server.index.search_limits import DEFAULT_LIMITS, SearchLimits
from dsc_server.index.semantic_index import SemanticIndex
from dsc_server.kernels.choice import kernels
from dsc_server.ranking.soft_minimum import soft_minimum


def squared_distance_scores(
    index: SemanticIndex, label: int, residual: NDArray[np.float32], codes: NDArray[np.uint8]
) -> NDArray[np.float32]:
    """1 - d²/2 with d² = ‖q̂ - d̂‖² = Σ_m ‖r_m^q - r_m^d‖²: both share the codeword (eq. 14).

    Args:
        index: the index.
        label: partition i.
        residual: (F,) float32, r^q of the query.
        codes: (M, J) uint8, the database images'.

    Returns:
        (J,) float32.
    """
    codebook = index.codebook
    words = codebook.block(label)
    table = kernels().distance_table(split(residual, words.shape[1]), words)
    return np.float32(1) - look_up(table, codes) / np.float32(2)


def soft_distance_scores(
    index: SemanticIndex,
    label: int,
    posterior: NDArray[np.float32],
    codes: NDArray[np.uint8],
    limits: SearchLimits = DEFAULT_LIMITS,
) -> NDArray[np.float32]:
    """1 - d²/2 with d² a sum over m of soft minima over the possible sub-codewords of the query.

    -s log Σ_j P(j | y) exp(-‖w_j - w_i‖² / s) is eq. (14) for a certain j. For an uncertain j it is the
    log-likelihood of image i if matching images lie around q; the expected distance would prefer words near
    the middle. A nearly certain word counts as certain, and ties stay ties.

    Args:
        index: the index.
        label: partition i.
        posterior: (M, n) float32, P(word | y).
        codes: (M, J) uint8, the database images'.
        limits: number of codewords that are distinguished.

    Returns:
        (J,) float32.
    """
    if not posterior.size:
        return np.ones(codes.shape[1], dtype=np.float32)
    model, most = index.summary.receiver_model, limits.likely_codewords
    distances = index.word_distances.of(label)
    tables = [soft_minimum(row, partial(distances.rows, m), model, most) for m, row in enumerate(posterior)]
    return np.float32(1) - look_up(np.stack(tables), codes) / np.float32(2)


def cosine_scores(
    index: SemanticIndex, label: int, residual: NDArray[np.float32], codes: NDArray[np.uint8]
) -> NDArray[np.float32]:
    """⟨q̂, d̂⟩ / (‖q̂‖ ‖d̂‖) with q̂ = c + r^q and d̂ = c + r^d (eq. 15).

    The numerator is the true inner product ⟨c + r^q, c + r^d⟩. As printed, eq. (15) lacks its term ‖c‖²,
    and would not be a cosine.

    Arguments and result are those of `squared_distance_scores`.
    """
    words = index.codebook.subcodebooks(label)
    c = split(index.codebook.codewords[label], words.shape[1])
    q = c + split(residual, words.shape[1])
    d = c[None] + words
    inner = look_up(np.einsum("md,jmd->mj", q, d), codes)
    d_norm = np.sqrt(look_up(np.einsum("jmd,jmd->mj", d, d), codes))
    norms = np.linalg.norm(q) * d_norm
    scores: NDArray[np.float32] = np.divide(inner, norms, out=np.zeros_like(inner), where=norms > 0)
    # Equal codes get exactly 1, like distance 0: many partitions hold one image, and ties must stay ties.
    np.clip(scores, -1, 1, out=scores)
    same = (split(residual, words.shape[1])[:, None] == words.transpose(1, 0, 2)).all(axis=2)
    scores[(look_up(same.astype(np.float32), codes) == len(codes)) & (norms > 0)] = 1
    return scores
