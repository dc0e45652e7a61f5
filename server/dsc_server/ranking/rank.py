"""Candidates of a query and their order: eq. (14), eq. (15), or one fused estimate of the feature."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dsc_common.errors import InvalidInputError
from dsc_common.retrieval.options import Ranking
from dsc_server.index.semantic_index import SemanticIndex
from dsc_server.ranking.by_estimate import rank_fused
from dsc_server.ranking.code_scores import cosine_scores, soft_distance_scores, squared_distance_scores
from dsc_server.receiving.reading import NEARLY_CERTAIN, Reading


@dataclass(frozen=True, eq=False)
class RankedList:
    """The whole candidate list, best first, each image once.

    Attributes:
        images: (n,) int64, images of the catalogue.
        scores: (n,) float32, higher is better: the cosine, or 1 - d²/2, the cosine of unit vectors at
            distance d; where other evidence counts, on that scale.
    """

    images: NDArray[np.int64]
    scores: NDArray[np.float32]


def rank(index: SemanticIndex, reading: Reading, ranking: Ranking, *, everything: bool = False) -> RankedList:
    """All images of the reading's partitions, ranked; equals stay in the head's order, then the database's.

    Args:
        index: the database.
        reading: what the receiver made of a packet.
        ranking: by codes (eqs. 14, 15), or by the one estimate of q.
        everything: rank the whole database, where one estimate of q is compared.

    Raises:
        InvalidInputError: the index does not hold what this ranking needs.
    """
    if ranking is Ranking.FUSED:
        if not index.has_features:
            raise InvalidInputError("expected an index that was built for the ranking fused")
        images, scores = rank_fused(index, reading, everything=everything)
        order = np.argsort(-scores, kind="stable")
        return RankedList(images[order], scores[order])
    if not index.has_codes:
        raise InvalidInputError(f"expected the ranking fused, the only one of this index, got {ranking}")
    return _rank_by_codes(index, reading, ranking)


def _rank_by_codes(index: SemanticIndex, reading: Reading, ranking: Ranking) -> RankedList:
    """A score counts as much as its partition is likely to be the head's."""
    images = [np.zeros(0, dtype=np.int64)]
    scores = [np.zeros(0, dtype=np.float32)]
    for number, (label, residual) in enumerate(
        zip(reading.partitions.tolist(), reading.residuals, strict=False)
    ):
        columns = index.entries(label)
        codes = index.codes[:, columns]
        if ranking is Ranking.COSINE:
            own = cosine_scores(index, label, residual, codes)
        elif reading.posteriors:
            own = soft_distance_scores(index, label, reading.posteriors[number], codes)
        else:
            own = squared_distance_scores(index, label, residual, codes)
        images.append(index.images[columns])
        scores.append(_sure(reading.weights[number]) * own)
    return _best_first(np.concatenate(images), np.concatenate(scores))


def _sure(probability: np.float32) -> np.float32:
    """What is nearly certain counts as certain, so that equals stay equals."""
    return np.float32(1) if probability >= NEARLY_CERTAIN else probability


def _best_first(images: NDArray[np.int64], scores: NDArray[np.float32]) -> RankedList:
    """Sorted stably; an image that is listed several times counts once, with its best score."""
    order = np.argsort(-scores, kind="stable")
    _, first = np.unique(images[order], return_index=True)
    kept = order[np.sort(first)]
    return RankedList(images[kept], scores[kept])
