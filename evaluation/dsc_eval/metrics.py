"""Retrieval metrics of one ranking: non-interpolated average precision, candidate recall, recall at k."""

from collections.abc import Sequence, Set
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class RankingScore:
    """Metrics of one query.

    Attributes:
        average_precision: non-interpolated; positives that are not ranked count as never found.
        recall: share of the positives in the candidate list.
        recall_at: share of the positives in the first k of the list, for each k.
        candidates: length of the candidate list.
    """

    average_precision: float
    recall: float
    recall_at: dict[int, float]
    candidates: int


def hit_ranks(ranking: NDArray[np.int64], positives: Set[int], junk: Set[int]) -> list[int]:
    """Ranks, from 1, of the positives in a ranking from which junk has been removed."""
    kept = [image for image in ranking.tolist() if image not in junk]
    return [rank for rank, image in enumerate(kept, start=1) if image in positives]


def average_precision(ranks: Sequence[int], num_positives: int) -> float:
    """Mean over all positives of the precision at their rank; 0 for those that are not ranked."""
    return sum(found / rank for found, rank in enumerate(ranks, start=1)) / num_positives


def score_ranking(
    ranking: NDArray[np.int64], positives: Set[int], junk: Set[int], ks: Sequence[int]
) -> RankingScore:
    """Metrics of one ranking.

    Args:
        ranking: (n,) int64, the whole candidate list, best first, each image once.
        positives: right images; at least one.
        junk: images that count neither as right nor as wrong.
        ks: for recall at k.
    """
    ranks = hit_ranks(ranking, positives, junk)
    return RankingScore(
        average_precision=average_precision(ranks, len(positives)),
        recall=len(ranks) / len(positives),
        recall_at={k: sum(rank <= k for rank in ranks) / len(positives) for k in ks},
        candidates=int(ranking.size),
    )


def mean(values: Sequence[float]) -> float:
    """Arithmetic mean of at least one value."""
    return sum(values) / len(values)


def mean_by_group(values: Sequence[float], groups: Sequence[str]) -> float:
    """Mean of the groups' means."""
    members: dict[str, list[float]] = {}
    for value, group in zip(values, groups, strict=True):
        members.setdefault(group, []).append(value)
    return mean([mean(part) for part in members.values()])
