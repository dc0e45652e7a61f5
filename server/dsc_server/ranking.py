"""Candidates of a query and their order: eq. (14), eq. (15), or one fused estimate of the feature."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dsc_common.codebook import decode_residual, distance_table, reconstruct, split
from dsc_common.errors import InvalidInputError
from dsc_common.fusion import fuse
from dsc_common.packet import Packet, Payload
from dsc_common.results import Ranking
from dsc_server.augmentation import expand
from dsc_server.grouping import keep_near_subcells
from dsc_server.semantic_index import SemanticIndex

CANDIDATES_AT_ONCE = 4096  # whose features are read before they are compared


@dataclass(frozen=True, eq=False)
class RankedList:
    """The whole candidate list, best first, each image once.

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
    """All images of the head's partitions, ranked; equals stay in the head's order, then the database's.

    Raises:
        InvalidInputError: the index does not hold what this ranking needs.
    """
    if ranking is Ranking.FUSED:
        if not index.has_features:
            raise InvalidInputError("expected an index that was built for the ranking fused")
        return _rank_fused(index, packet)
    if not index.has_codes:
        raise InvalidInputError(f"expected the ranking fused, the only one of this index, got {ranking}")
    return _rank_by_codes(index, packet, ranking)


def _rank_by_codes(index: SemanticIndex, packet: Packet, ranking: Ranking) -> RankedList:
    score = squared_distance_scores if ranking is Ranking.SQUARED_DISTANCE else cosine_scores
    images = [np.zeros(0, dtype=np.int64)]
    scores = [np.zeros(0, dtype=np.float32)]
    for slot in candidate_slots(packet.labels, index.format.num_labels):
        label = int(packet.labels[slot])
        columns = index.entries(label)
        if columns.start < columns.stop:
            images.append(index.images[columns])
            scores.append(score(index, label, packet.codes[slot], index.codes[:, columns]))
    return _best_first(np.concatenate(images), np.concatenate(scores))


def _rank_fused(index: SemanticIndex, packet: Packet) -> RankedList:
    slots = candidate_slots(packet.labels, index.format.num_labels)
    labels = packet.labels[slots].tolist()
    q = _unit(_estimate(index, packet, slots))
    images = _first_of_each(_listed(index, labels, q))
    blocks: Iterable[NDArray[np.float32]] = _feature_blocks(index, images)
    if index.expansion:
        blocks = list(blocks)  # they are needed twice
    scores = _similarities(blocks, q)
    if index.expansion and len(images):
        best = np.argsort(-scores, kind="stable")[: index.expansion]
        first = index.features[images[best]].astype(np.float32)
        scores = _similarities(blocks, _unit(expand(q, first, scores[best])))
    return _best_first(images, scores)


def _feature_blocks(index: SemanticIndex, images: NDArray[np.int64]) -> Iterator[NDArray[np.float32]]:
    """Features of the candidates, (n, D) float32 at a time: all of a large database do not fit in memory."""
    for start in range(0, len(images), CANDIDATES_AT_ONCE):
        block = index.features[images[start : start + CANDIDATES_AT_ONCE]]
        yield block.astype(np.float32, copy=False)


def _similarities(blocks: Iterable[NDArray[np.float32]], q: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.concatenate([np.zeros(0, dtype=np.float32), *(block @ q for block in blocks)])


def _estimate(index: SemanticIndex, packet: Packet, slots: list[int]) -> NDArray[np.float32]:
    """(D,) float32: the feature that the packet describes."""
    if index.format.payload is Payload.FEATURE:
        # Noise in the bits of a float makes NaN, and more than a unit vector can hold: both say nothing.
        plausible = np.where(np.abs(packet.feature) <= 1.0, packet.feature, np.float32(0))
        return np.asarray(index.codebook.transformed(plausible[None])[0])
    if index.format.payload is Payload.CODE:
        return reconstruct(index.codebook, 0, packet.codes[0])
    return fuse(index.codebook, packet.labels[slots].tolist(), packet.codes[slots])


def _listed(index: SemanticIndex, labels: list[int], q: NDArray[np.float32]) -> NDArray[np.int64]:
    """Images of the partitions, in the head's order; without far sub-cells where cells are split."""
    filled = [label for label in labels if index.offsets[label] < index.offsets[label + 1]]
    lists = [index.images[index.entries(label)] for label in filled]
    if index.subcells is not None:
        codewords = index.codebook.codewords
        masks = keep_near_subcells(q, codewords, index.subcells, filled, index.offsets)
        lists = [images[mask] for images, mask in zip(lists, masks, strict=True)]
    return np.concatenate([np.zeros(0, dtype=np.int64), *lists], dtype=np.int64)


def _best_first(images: NDArray[np.int64], scores: NDArray[np.float32]) -> RankedList:
    """Sorted stably; an image that is listed several times counts once, with its best score."""
    order = np.argsort(-scores, kind="stable")
    _, first = np.unique(images[order], return_index=True)
    kept = order[np.sort(first)]
    return RankedList(images[kept], scores[kept])


def _first_of_each(images: NDArray[np.int64]) -> NDArray[np.int64]:
    _, first = np.unique(images, return_index=True)
    return images[np.sort(first)]


def _unit(vector: NDArray[np.float32]) -> NDArray[np.float32]:
    norm = float(np.linalg.norm(vector))
    return vector / np.float32(norm) if norm > 0 else vector


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
    # Equals are at exactly 1, as they are at distance 0: many partitions hold one image, and ties stay ties.
    np.clip(scores, -1, 1, out=scores)
    scores[(codes == code[:, None]).all(axis=0) & (norms > 0)] = 1
    return scores


def _look_up(table: NDArray[np.float32], codes: NDArray[np.uint8]) -> NDArray[np.float32]:
    """(M, n) table, (M, J) codes → (J,) float32: Σ_m table[m, codes[m, j]]."""
    total = np.zeros(codes.shape[1], dtype=np.float32)
    for row, column in zip(table, codes, strict=True):
        total += row.take(column)
    return total
