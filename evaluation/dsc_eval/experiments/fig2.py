"""Fig. 2: mAP and recall against the number of semantic labels in the head, for every scheme."""

from collections.abc import Iterator

from pydantic import Field

from dsc_eval.experiments.databases import DatabaseSettings, databases
from dsc_eval.experiments.experiment import Experiment
from dsc_eval.offline.benchmark_data import SOURCE_COLUMNS, BenchmarkData
from dsc_eval.offline.measuring import Measurement, measure, queries_to_ask, with_head
from dsc_eval.offline.scheme import Scheme, build_scheme
from dsc_eval.offline.score_columns import score_columns
from dsc_eval.offline.shared_lists import SharedLists
from dsc_eval.output import Row
from dsc_eval.scored_rows import ScoredRow
from dsc_server.scheme_specs import Partitioning, parse_scheme

COLUMNS = (
    "scheme",
    "head_labels",
    "packet_bytes",
    "database",
    "simulated",
    "queries",
    "mAP",
    "mAP_low",
    "mAP_high",
    "recall",
    "candidates",
    "mAP_trapezoidal",
    "recall_at",
    "groups",
    *SOURCE_COLUMNS,
)


class Fig2Settings(DatabaseSettings):
    """Settings of Fig. 2.

    Attributes:
        head_labels: the points T; those beyond a scheme's number of partitions are left out.
    """

    head_labels: list[int] = Field(min_length=1)


def run(data: BenchmarkData, settings: Fig2Settings) -> Iterator[Row]:
    """One row of `COLUMNS` per database, scheme and head size; a scheme without a head has one row."""
    for features, size in databases(data, settings.simulate, settings.seed):
        shared = SharedLists(features, settings.of_index)
        for name in data.track(settings.schemes, "measuring schemes", len(settings.schemes)):
            scheme = build_scheme(parse_scheme(name), features, 1, settings.of_index, shared=shared)
            headless = scheme.spec.partitioning is Partitioning.NONE
            asked = queries_to_ask(
                scheme, len(features.queries), len(features.database), settings.exhaustive_queries
            )
            cut = settings.recall_cut(scheme.spec)
            for head_labels in [1] if headless else _points(settings, scheme):
                asking = with_head(scheme, head_labels)
                measured = measure(asking, data.benchmark, features, asked.tolist(), cut)
                row: Row = {
                    "scheme": name,
                    "head_labels": "" if headless else head_labels,
                    "packet_bytes": asking.format.packet_bytes,
                    **size,
                    **_scores(measured, data, settings.seed, cut),
                    **data.source,
                }
                yield ScoredRow(row, measured.precisions)


def _scores(measured: Measurement, data: BenchmarkData, seed: int, cut: int | None) -> Row:
    scores = [[score] for score in measured.scores]
    return score_columns(scores, data.groups(measured.asked), seed, cut)


def _points(settings: Fig2Settings, scheme: Scheme) -> list[int]:
    return sorted({point for point in settings.head_labels if 1 <= point <= scheme.format.num_partitions})


EXPERIMENT = Experiment(
    name="fig2",
    help="Fig. 2: mAP and recall against the number of labels in the head, without noise.",
    columns=COLUMNS,
    settings=Fig2Settings,
    run=run,
    compared=("scheme",),
    condition=("head_labels", "database", "simulated"),
)
