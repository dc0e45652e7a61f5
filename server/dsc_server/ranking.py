"""Candidates of a query and their order, by squared distance (eq. 14) or cosine (eq. 15)."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dsc_common.codebook import decode_residual, distance_table, split
from dsc_common.packet import Packet
from dsc_common.results import Ranking
from dsc_server.semantic_index import SemanticIndex


@dataclass(frozen=True, eq=False)
class RankedList:
    """The whole candidate list, best first.

    Attributes:
        images: (n,) int64, images of the catalogue.
        scores: (n,) float32, higher is better: the cosine, or 1 - d²/2, the cosine of unit vectors at
            distance d.
    """

    images: NDArray[np.int64]
    scores: NDArray[np.float32]


def candidate_slots(labels: NDArray[np.int64], num_labels: int) -> list[int]:
    """Slots t of the head whose partition is to be read: labels that exist, each once (its first slot)."""
    seen: set[int] = set()
    slots = []
    for slot, label in enumerate(labels.tolist()):
        if 0 <= label < num_labels and label not in seen:
            seen.add(label)
            slots.append(slot)
    return slots


def rank_candidates(index: SemanticIndex, packet: Packet, ranking: Ranking) -> RankedList:
    """All images of the head's partitions, ranked; equals stay in the head's order, then the database's."""
    score = squared_distance_scores if ranking is Ranking.SQUARED_DISTANCE else cosine_scores
    images = [np.zeros(0, dtype=np.int64)]
    scores = [np.zeros(0, dtype=np.float32)]
    for slot in candidate_slots(packet.labels, index.format.num_labels):
        label = int(packet.labels[slot])
        columns = slice(index.offsets[label], index.offsets[label + 1])
        if columns.start == columns.stop:
            continue
        images.append(index.images[columns])
        scores.append(score(index, label, packet.codes[slot], index.codes[:, columns]))
    all_scores = np.concatenate(scores)
    order = np.argsort(-all_scores, kind="stable")
    return RankedList(np.concatenate(images)[order], all_scores[order])


def squared_distance_scores(
    index: SemanticIndex, label: int, code: NDArray[np.uint8], codes: NDArray[np.uint8]
) -> NDArray[np.float32]:
    """1 - d²/2 with d² = ‖q̂ - d̂‖² = Σ_m ‖r_m^q - r_m^d‖²: both share the codeword (eq. 14).

    Args:
        index: the index.
        label: partition i.
        code: (M,) uint8, the query's.
        codes: (M, J) uint8, the database images'.

    Returns:
        (J,) float32.
    """
    words = index.codebook.subcodebooks(label)
    residual = split(decode_residual(code, words), words.shape[1])
    return np.float32(1) - _look_up(distance_table(residual, words), codes) / np.float32(2)


def cosine_scores(
    index: SemanticIndex, label: int, code: NDArray[np.uint8], codes: NDArray[np.uint8]
) -> NDArray[np.float32]:
    """⟨q̂, d̂⟩ / (‖q̂‖ ‖d̂‖) with q̂ = c + r^q and d̂ = c + r^d (eq. 15).

    The numerator is the true inner product ⟨c + r^q, c + r^d⟩. As printed, eq. (15) lacks its term ‖c‖²,
    and would not be a cosine.

    Arguments and result are those of `squared_distance_scores`.
    """
    words = index.codebook.subcodebooks(label)
    c = split(index.codebook.codewords[label], words.shape[1])
    q = c + split(decode_residual(code, words), words.shape[1])
    d = c[None] + words
    inner = _look_up(np.einsum("md,jmd->mj", q, d), codes)
    d_norm = np.sqrt(_look_up(np.einsum("jmd,jmd->mj", d, d), codes))
    norms = np.linalg.norm(q) * d_norm
    scores: NDArray[np.float32] = np.divide(inner, norms, out=np.zeros_like(inner), where=norms > 0)
    return scores


def _look_up(table: NDArray[np.float32], codes: NDArray[np.uint8]) -> NDArray[np.float32]:
    """(M, n) table, (M, J) codes → (J,) float32: Σ_m table[m, codes[m, j]]."""
    total = np.zeros(codes.shape[1], dtype=np.float32)
    for row, column in zip(table, codes, strict=True):
        total += row.take(column)
    return total
