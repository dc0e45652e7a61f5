"""Candidates of a query and their order: eq. (14), eq. (15), or one estimate of the feature."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dsc_common.errors import InvalidInputError
from dsc_common.retrieval.options import Ranking
from dsc_common.spans import span
from dsc_server.index.search_limits import DEFAULT_LIMITS, SearchLimits
from dsc_server.index.semantic_index import SemanticIndex
from dsc_server.kernels.best_first import best_first
from dsc_server.ranking.by_estimate import comparison_of, first_round, second_round
from dsc_server.ranking.code_scores import cosine_scores, soft_distance_scores, squared_distance_scores
from dsc_server.receiving.decoded_packet import DecodedPacket


@dataclass(frozen=True, eq=False)
class RankedList:
    """The candidate list or its beginning, best first, each image once.

    Attributes:
        images: (n,) int64, rows of the catalogue.
        scores: (n,) float32, higher is better: the cosine, or 1 - d²/2, the cosine of unit vectors at
            distance d; other evidence is added on that scale.
        num_candidates: length of the whole list.
    """

    images: NDArray[np.int64]
    scores: NDArray[np.float32]
    num_candidates: int


@span("ranking")
def rank(
    index: SemanticIndex,
    decoded: DecodedPacket,
    ranking: Ranking,
    *,
    everything: bool = False,
    limits: SearchLimits = DEFAULT_LIMITS,
    top: int | None = None,
) -> RankedList:
    """Rank all images of the decoded partitions; ties keep the order of the head, then of the database.

    Args:
        index: the database.
        decoded: the decoded packet.
        ranking: ranking method: codes (eqs. 14, 15), or one estimate of q.
        everything: rank the whole database; only with one estimate of q.
        limits: bounds on the work.
        top: length of the list, by default the whole; a beginning is that of the whole list, and costs less.

    Raises:
        InvalidInputError: the index does not support this ranking.
    """
    if ranking is Ranking.ESTIMATE:
        if not index.has_features:
            raise InvalidInputError("expected an index that was built for the ranking estimate")
        compared = comparison_of(index.summary, decoded)
        is_short = top is not None and top <= limits.rerank_depth  # of images that are re-ranked
        best = limits.rerank_depth if is_short else None
        listed = first_round(index, decoded, compared, everything=everything, best=best)
        scores = second_round(index, compared, listed, limits)
        order = best_first(scores, top)
        return RankedList(listed.images[order], scores[order], listed.num_candidates)
    if not index.has_codes:
        raise InvalidInputError(f"expected the ranking estimate, the only one of this index, got {ranking}")
    return _rank_by_codes(index, decoded, ranking, limits, top)


def _rank_by_codes(
    index: SemanticIndex, decoded: DecodedPacket, ranking: Ranking, limits: SearchLimits, top: int | None
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
    return _each_once(index, np.concatenate(images), np.concatenate(scores), len(images), top)


def _each_once(
    index: SemanticIndex,
    images: NDArray[np.int64],
    scores: NDArray[np.float32],
    num_lists: int,
    top: int | None,
) -> RankedList:
    """Sort stably; an image in several lists counts once, with its best score."""
    if index.lists_each_once:
        order = best_first(scores, top)
        return RankedList(images[order], scores[order], len(images))
    order = best_first(scores, None if top is None else top * num_lists)
    _, first = np.unique(images[order], return_index=True)
    distinct = order[np.sort(first)][:top]
    count = len(first) if len(order) == len(images) else np.unique(images).size
    return RankedList(images[distinct], scores[distinct], count)
