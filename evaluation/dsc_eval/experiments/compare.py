"""The experiment `compare`: schemes side by side on one benchmark, without noise."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dsc_common.packet.format import Payload
from dsc_common.retrieval.options import Ranking
from dsc_eval.datasets.ground_truth import Benchmark
from dsc_eval.features.benchmark_features import BenchmarkFeatures
from dsc_eval.measures.bootstrap import bootstrap_mean
from dsc_eval.measures.metrics import N_S_GROUP, mean, mean_by_group, n_s_score, score_ranking
from dsc_eval.offline.scheme import Scheme, build_scheme
from dsc_eval.offline.shared_lists import SharedLists
from dsc_eval.output import Row
from dsc_eval.output import write_csv as write_rows
from dsc_server.scheme_specs import SchemeSpec, parse_scheme

HEAD_LABELS = 5
KS = (1, 10, 100)
COLUMNS = (
    "scheme",
    "packet_bytes",
    "queries",
    "database",
    "mAP",
    "mAP_by_group",
    "recall",
    *(f"R@{k}" for k in KS),
    "candidates",
    "spill",
    "ranking",
    "fusion",
    "K",
    "M",
    "head_bytes",
    "mAP_low",
    "mAP_high",
    "mAP_trapezoidal",
    "n_s",
)
# What a terminal has room for.
SHOWN = (
    *("scheme", "packet_bytes", "mAP", "mAP_low", "mAP_high", "recall", *(f"R@{k}" for k in KS)),
    *("candidates", "spill", "fusion"),
)


def compare(
    benchmark: Benchmark, features: BenchmarkFeatures, names: Sequence[str], seed: int = 0
) -> list[Row]:
    """One row of `COLUMNS` per scheme, averaged over the queries; `n_s` is empty where it says nothing."""
    specs = [parse_scheme(name) for name in names]
    shared = SharedLists(features, seed)
    return [
        _measure(build_scheme(spec, features, HEAD_LABELS, seed, shared), benchmark, features, seed)
        for spec in specs
    ]


def _fusion(spec: SchemeSpec) -> str:
    """How several codes become one estimate: 'fused', 'sequential', or 'none'."""
    if spec.payload is not Payload.CODES or spec.ranking is not Ranking.FUSED:
        return "none"
    return "sequential" if spec.sequential else "fused"


def _measure(scheme: Scheme, benchmark: Benchmark, features: BenchmarkFeatures, seed: int) -> Row:
    rankings = [scheme.rank(extraction) for extraction in features.queries]
    scores = [
        score_ranking(ranking, query.positives, query.junk, KS)
        for ranking, query in zip(rankings, benchmark.queries, strict=True)
    ]
    precisions = [score.average_precision for score in scores]
    interval = bootstrap_mean(precisions, seed)
    return {
        "scheme": scheme.spec.name,
        "packet_bytes": scheme.format.packet_bytes,
        "queries": len(scores),
        "database": len(benchmark.database),
        "mAP": round(mean(precisions), 6),
        "mAP_by_group": round(mean_by_group(precisions, [query.group for query in benchmark.queries]), 6),
        "recall": round(mean([score.recall for score in scores]), 6),
        **{f"R@{k}": round(mean([score.recall_at[k] for score in scores]), 6) for k in KS},
        "candidates": round(mean([score.candidates for score in scores]), 3),
        "spill": scheme.spec.spill,
        "ranking": str(scheme.spec.ranking),
        "fusion": _fusion(scheme.spec),
        "K": scheme.format.num_labels,
        "M": scheme.format.num_subvectors if scheme.format.num_codes else 0,
        "head_bytes": scheme.format.head_bytes,
        "mAP_low": round(interval.low, 6),
        "mAP_high": round(interval.high, 6),
        "mAP_trapezoidal": round(mean([score.average_precision_trapezoidal for score in scores]), 6),
        "n_s": _n_s(benchmark, rankings),
    }


def _n_s(benchmark: Benchmark, rankings: Sequence[NDArray[np.int64]]) -> float | str:
    """Mean N-S score; empty where a query's own photo is not a positive, or groups are larger than four.

    Queries of groups that lack a photo do not count, for their score cannot reach four.
    """
    scores = []
    for query, ranking in zip(benchmark.queries, rankings, strict=True):
        own = query.path in {benchmark.database[number] for number in query.positives}
        if not own or len(query.positives) > N_S_GROUP:
            return ""
        if len(query.positives) == N_S_GROUP:
            scores.append(n_s_score(ranking, query.positives))
    return round(mean(scores), 6) if scores else ""


def write_csv(path: Path, rows: Sequence[Row]) -> None:
    """Rows → CSV with a header line; the file appears whole."""
    write_rows(path, rows, COLUMNS)
