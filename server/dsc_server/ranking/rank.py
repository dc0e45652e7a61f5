"""Candidates of a query and their order: eq. (14), eq. (15), or one estimate of the feature."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dsc_common.errors import InvalidInputError
from dsc_common.retrieval.options import Ranking
from dsc_common.spans import span
from dsc_server.index.search_limits import DEFAULT_LIMITS, SearchLimits
from dsc_server.index.semantic_index import SemanticIndex
from dsc_server.ranking.by_estimate import comparison_of, first_round, second_round
from dsc_server.ranking.code_scores import cosine_scores, soft_distance_scores, squared_distance_scores
from dsc_server.receiving.decoded_packet import DecodedPacket


@dataclass(frozen=True, eq=False)
class RankedList:
    """The whole candidate list, best first, each image once.

    Attributes:
        images: (n,) int64, rows of the catalogue.
        scores: (n,) float32, higher is better: the cosine, or 1 - d²/2, the cosine of unit vectors at
            distance d; other evidence is added on that scale.
    """

    images: NDArray[np.int64]
    scores: NDArray[np.float32]


@span("ranking")
def rank(
    index: SemanticIndex,
    decoded: DecodedPacket,
    ranking: Ranking,
    *,
    everything: bool = False,
    limits: SearchLimits = DEFAULT_LIMITS,
) -> RankedList:
    """Rank all images of the decoded partitions; ties keep the order of the head, then of the database.

    Args:
        index: the database.
        decoded: the decoded packet.
        ranking: ranking method: codes (eqs. 14, 15), or one estimate of q.
        everything: rank the whole database; only with one estimate of q.
        limits: bounds on the work.

    Raises:
        InvalidInputError: the index does not support this ranking.
    """
    if ranking is Ranking.ESTIMATE:
        if not index.has_features:
            raise InvalidInputError("expected an index that was built for the ranking estimate")
        compared = comparison_of(index.summary, decoded)
        listed = first_round(index, decoded, compared, everything=everything)
        scores = second_round(index, compared, listed, limits)
        order = np.argsort(-scores, kind="stable")
        return RankedList(listed.images[order], scores[order])
    if not index.has_codes:
        raise InvalidInputError(f"expected the ranking estimate, the only one of this index, got {ranking}")
    return _rank_by_codes(index, decoded, ranking, limits)


def _rank_by_codes(
    index: SemanticIndex, decoded: DecodedPacket, ranking: Ranking, limits: SearchLimits
) -> RankedList:
    """Rank with codes; scores are weighted with the probability that the head names the partition."""
    certain = index.summary.receiver_model.near_certain
    images = [np.zeros(0, dtype=np.int64)]
    scores = [np.zeros(0, dtype=np.float32)]
    for number, (label, residual) in enumerate(
        zip(decoded.partitions.tolist(), decoded.residuals, strict=False)
    ):
        columns = index.entries(label)
        codes = index.codes[:, columns]
        if ranking is Ranking.COSINE:
            partition_scores = cosine_scores(index, label, residual, codes)
        elif decoded.posteriors:
            partition_scores = soft_distance_scores(index, label, decoded.posteriors[number], codes, limits)
        else:
            partition_scores = squared_distance_scores(index, label, residual, codes)
        images.append(index.images[columns])
        weight = decoded.weights[number]
        # A nearly certain partition counts as certain: ties stay ties.
        scores.append((np.float32(1) if weight >= certain else weight) * partition_scores)
    return _best_first(np.concatenate(images), np.concatenate(scores))


def _best_first(images: NDArray[np.int64], scores: NDArray[np.float32]) -> RankedList:
    """Sort stably; an image in several lists counts once, with its best score."""
    order = np.argsort(-scores, kind="stable")
    _, first = np.unique(images[order], return_index=True)
    distinct = order[np.sort(first)]
    return RankedList(images[distinct], scores[distinct])
