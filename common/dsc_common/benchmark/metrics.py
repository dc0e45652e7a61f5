"""Retrieval metrics of one ranking: average precision (two kinds), recall, precision at k, N-S score."""

from collections.abc import Sequence, Set
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

N_S_GROUP = 4  # photos of an object of UKBench
PRECISION_KS = (1, 5, 10)  # of the revisited protocol


@dataclass(frozen=True)
class RankingScore:
    """Metrics of one query.

    Attributes:
        average_precision: non-interpolated; positives that are not ranked count as never found.
        average_precision_trapezoidal: as the original tools of the data sets compute it.
        recall: fraction of the positives in the candidate list.
        recall_at: fraction of the positives in the first k of the list, for each k.
        precision_at: precision among the first k, for each k of `PRECISION_KS`.
        candidates: length of the candidate list.
    """

    average_precision: float
    average_precision_trapezoidal: float
    recall: float
    recall_at: dict[int, float]
    precision_at: dict[int, float]
    candidates: int


def hit_ranks(ranking: NDArray[np.int64], positives: Set[int], junk: Set[int]) -> list[int]:
    """Ranks, from 1, of the positives in a ranking from which junk has been removed."""
    kept = [image for image in ranking.tolist() if image not in junk]
    return [rank for rank, image in enumerate(kept, start=1) if image in positives]


def average_precision(ranks: Sequence[int], num_positives: int) -> float:
    """Mean over all positives of the precision at their rank; 0 for those that are not ranked."""
    return sum(hits / rank for hits, rank in enumerate(ranks, start=1)) / num_positives


def average_precision_trapezoidal(ranks: Sequence[int], num_positives: int) -> float:
    """Area under the precision-recall curve with the trapezoidal rule, as in the tools of the data sets.

    Each positive adds 1/num_positives times the mean of the precision just before and at its rank; before
    the first rank precision is 1. The values differ from those of `average_precision`.

    Args:
        ranks: from 1, ascending, junk removed, as from `hit_ranks`.
        num_positives: at least 1.

    Source: `compute_ap` of the Oxford Buildings data set (Philbin et al. 2007); the revisited protocol
    (Radenović et al. 2018) uses it, too.
    """
    area = 0.0
    for hits, rank in enumerate(ranks):
        precision_before = hits / (rank - 1) if rank > 1 else 1.0
        area += (precision_before + (hits + 1) / rank) / 2
    return area / num_positives


def precision_at(ranks: Sequence[int], num_positives: int, k: int) -> float:
    """Precision among the first k, mP@k of the revisited protocol (Radenović et al. 2018).

    Where all positives are found before rank k, it is the precision at the last of them, so that a query
    with few positives can reach 1.
    """
    last = max(ranks) if len(ranks) == num_positives else k
    depth = min(last, k)
    return sum(rank <= depth for rank in ranks) / depth


def n_s_score(ranking: NDArray[np.int64], positives: Set[int]) -> int:
    """Number of right images among the first four, with the query photo: 0 to 4.

    Args:
        ranking: (n,) int64, best first.
        positives: the images of the query's object, with the query photo.

    Source: UKBench (Nistér and Stewénius 2006); the score of the set is the mean over all queries.
    """
    return sum(image in positives for image in ranking[:N_S_GROUP].tolist())


def score_ranking(
    ranking: NDArray[np.int64],
    positives: Set[int],
    junk: Set[int],
    ks: Sequence[int],
    cut: int | None = None,
) -> RankingScore:
    """Metrics of one ranking.

    Args:
        ranking: (n,) int64, the whole candidate list, best first, each image once.
        positives: right images; at least one.
        junk: images that count neither as right nor as wrong.
        ks: for recall at k.
        cut: length at which the list counts as cut off for `recall`; None for all of it.
    """
    ranks = hit_ranks(ranking, positives, junk)
    found = len(ranks) if cut is None else sum(rank <= cut for rank in ranks)
    return RankingScore(
        average_precision=average_precision(ranks, len(positives)),
        average_precision_trapezoidal=average_precision_trapezoidal(ranks, len(positives)),
        recall=found / len(positives),
        recall_at={k: sum(rank <= k for rank in ranks) / len(positives) for k in ks},
        precision_at={k: precision_at(ranks, len(positives), k) for k in PRECISION_KS},
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
