"""The experiment `compare`: schemes side by side on one benchmark, without noise."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, computed_field, field_validator

from dsc_common.benchmark.ground_truth import Benchmark
from dsc_common.benchmark.metrics import (
    N_S_GROUP,
    PRECISION_KS,
    mean,
    mean_by_group,
    n_s_score,
    score_ranking,
)
from dsc_common.packet.format import Payload
from dsc_common.retrieval.options import Ranking
from dsc_eval.experiments.experiment import Experiment
from dsc_eval.experiments.resuming import sha256_of
from dsc_eval.experiments.settings import ExperimentSettings
from dsc_eval.offline.benchmark_data import SOURCE_COLUMNS, BenchmarkData
from dsc_eval.offline.scheme import HEAD_LABELS, Scheme, build_scheme
from dsc_eval.offline.score_columns import (
    KS,
    average_precisions,
    packet_columns,
    rank_columns,
    score_columns,
)
from dsc_eval.offline.shared_lists import SharedLists
from dsc_eval.output import Row
from dsc_eval.scored_rows import ScoredRow
from dsc_model.whitening.file import read_whitening
from dsc_server.scheme_specs import SchemeSpec, parse_scheme

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
    "subvectors",
    *(f"mP@{k}" for k in PRECISION_KS),
    "recall_at",
    "groups",
    "simulated",
    *SOURCE_COLUMNS,
)
# What a terminal has room for.
SHOWN = (
    *("scheme", "head_bytes", "M", "mAP", "mAP_low", "mAP_high", "mAP_trapezoidal", "recall"),
    *(*(f"R@{k}" for k in KS), "candidates", "spill", "fusion"),
)


WHITENED = "+whitening"  # in the name of a row


class CompareSettings(ExperimentSettings):
    """Settings of the comparison: schemes with at least as many partitions as a head has labels.

    Attributes:
        whitening: a whitening that each scheme with a rotation is also measured with.
    """

    whitening: Path | None = Field(
        default=None,
        exclude=True,  # a record names no folder of a machine; the hash names which file it was
        description="A file of `dsc-model whiten`: each scheme with a rotation is measured with it, too.",
    )

    @computed_field  # type: ignore[prop-decorator]
    @property
    def whitening_sha256(self) -> str | None:
        """Hash of the file, for the record of a run."""
        return None if self.whitening is None else sha256_of(self.whitening)

    @field_validator("whitening")
    @classmethod
    def _is_whitening(cls, whitening: Path | None) -> Path | None:
        if whitening is not None:
            read_whitening(whitening)
        return whitening

    @field_validator("schemes")
    @classmethod
    def _fit_the_head(cls, schemes: list[str]) -> list[str]:
        for name in schemes:
            parse_scheme(name).require_head(HEAD_LABELS)
        return schemes


def run(data: BenchmarkData, settings: CompareSettings) -> Iterator[Row]:
    """One row of `COLUMNS` per scheme, averaged over the queries; `n_s` is empty where it says nothing."""
    features, seed = data.features, settings.of_index
    shared = SharedLists(features, seed)
    whitening = None if settings.whitening is None else read_whitening(settings.whitening)
    if whitening is not None:
        whitening.require_fit(features.database.shape[1], data.model_sha256)
    for name in data.track(settings.schemes, "measuring schemes", len(settings.schemes)):
        spec = parse_scheme(name)
        yield _row(build_scheme(spec, features, HEAD_LABELS, seed, shared), data, settings)
        if whitening is not None and spec.projection_dim:
            whitened = build_scheme(spec, features, HEAD_LABELS, seed, shared, whitening.projection)
            row = _row(whitened, data, settings)
            yield ScoredRow({**row, "scheme": spec.name + WHITENED}, row.precisions)


def _fusion(spec: SchemeSpec) -> str:
    """How several codes become one estimate: 'fused', 'sequential', or 'none'."""
    if spec.payload is not Payload.CODES or spec.ranking is not Ranking.ESTIMATE:
        return "none"
    return "sequential" if spec.sequential else "fused"


def _row(scheme: Scheme, data: BenchmarkData, settings: CompareSettings) -> ScoredRow:
    benchmark, cut = data.benchmark, settings.recall_cut(scheme.spec)
    rankings = [scheme.rank(extraction) for extraction in data.features.queries]
    scores = [
        [score_ranking(ranking, query.positives, query.junk, KS, cut)]
        for ranking, query in zip(rankings, benchmark.queries, strict=True)
    ]
    precisions = average_precisions(scores)
    row: Row = {
        "scheme": scheme.spec.name,
        "packet_bytes": scheme.format.packet_bytes,
        "database": len(benchmark.database),
        "simulated": 0,
        **score_columns(scores, data.groups(), settings.seed, cut),
        **rank_columns(scores),
        "mAP_by_group": round(mean_by_group(precisions, [query.group for query in benchmark.queries]), 6),
        "spill": scheme.spec.spill,
        "ranking": str(scheme.spec.ranking),
        "fusion": _fusion(scheme.spec),
        "K": scheme.format.num_partitions,
        "subvectors": scheme.format.num_subvectors if scheme.format.num_codes else 0,
        **packet_columns(scheme.format),
        "n_s": _n_s(benchmark, rankings),
        **data.source,
    }
    return ScoredRow(row, dict(enumerate(precisions)))


def _n_s(benchmark: Benchmark, rankings: Sequence[NDArray[np.int64]]) -> float | str:
    """Mean N-S score; empty if a query photo is not a positive of its query, or groups exceed four.

    Queries of groups that lack a photo do not count: their score cannot reach four.
    """
    scores = []
    for query, ranking in zip(benchmark.queries, rankings, strict=True):
        finds_itself = query.path in {benchmark.database[number] for number in query.positives}
        if not finds_itself or len(query.positives) > N_S_GROUP:
            return ""
        if len(query.positives) == N_S_GROUP:
            scores.append(n_s_score(ranking, query.positives))
    return round(mean(scores), 6) if scores else ""


EXPERIMENT = Experiment(
    name="compare",
    help="Schemes side by side on one benchmark, without noise: writes metrics.csv and metrics.json.",
    columns=COLUMNS,
    settings=CompareSettings,
    run=run,
    shown=SHOWN,
    file_name="metrics",
    compared=("scheme",),
    condition=("database", "simulated"),
    has_figure=False,
)
