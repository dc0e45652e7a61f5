"""Scores of the queries as columns of a row: both mAPs with the interval, recall, and precision at k."""

from collections.abc import Callable, Hashable, Sequence

from dsc_common.benchmark.metrics import PRECISION_KS, RankingScore, mean
from dsc_common.packet.format import PacketFormat, Payload
from dsc_eval.measures.bootstrap import bootstrap_mean
from dsc_eval.output import Row

KS = (1, 10, 100)
RANK_COLUMNS = (*(f"R@{k}" for k in KS), *(f"mP@{k}" for k in PRECISION_KS))
PACKET_COLUMNS = ("head_bytes", "M")

Scores = Sequence[Sequence[RankingScore]]  # of each query those of its draws


def score_columns(scores: Scores, groups: Sequence[Hashable], seed: int, cut: int | None) -> Row:
    """Means over the queries, of each query over its draws.

    `mAP` is the non-interpolated one, with its interval; `recall_at` is where lists are cut for `recall`.
    """
    interval = bootstrap_mean(average_precisions(scores), seed, groups=groups)
    return {
        "queries": len(scores),
        "groups": len(set(groups)),
        "mAP": round(interval.mean, 6),
        "mAP_low": round(interval.low, 6),
        "mAP_high": round(interval.high, 6),
        "mAP_trapezoidal": _mean(scores, lambda score: score.average_precision_trapezoidal),
        "recall": _mean(scores, lambda score: score.recall),
        "recall_at": "" if cut is None else cut,
        "candidates": _mean(scores, lambda score: score.candidates, digits=3),
    }


def rank_columns(scores: Scores) -> Row:
    """R@k, and mP@k of the revisited protocol."""
    return {
        **{f"R@{k}": _mean(scores, lambda score, k=k: score.recall_at[k]) for k in KS},  # type: ignore[misc]
        **{
            f"mP@{k}": _mean(scores, lambda score, k=k: score.precision_at[k])  # type: ignore[misc]
            for k in PRECISION_KS
        },
    }


def packet_columns(fmt: PacketFormat) -> Row:
    """Table I's Head in bytes, and its M: bytes of codes, or numbers of a feature, after the head."""
    sent = fmt.payload_dim if fmt.payload is Payload.FEATURE else fmt.packet_bytes - fmt.head_bytes
    return {"head_bytes": fmt.head_bytes, "M": sent}


def average_precisions(scores: Scores) -> list[float]:
    """Average precision of each query, the mean of its draws."""
    return [mean([score.average_precision for score in draws]) for draws in scores]


def _mean(scores: Scores, value: Callable[[RankingScore], float], digits: int = 6) -> float:
    return round(mean([mean([value(score) for score in draws]) for draws in scores]), digits)
