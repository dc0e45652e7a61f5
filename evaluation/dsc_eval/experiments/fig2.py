"""Fig. 2: mAP against the number of semantic labels in the head, for every scheme."""

from collections.abc import Iterator

from pydantic import Field

from dsc_eval.experiments.databases import DatabaseSettings, databases
from dsc_eval.experiments.experiment import Experiment
from dsc_eval.measures.bootstrap import bootstrap_mean
from dsc_eval.offline.benchmark_data import BenchmarkData
from dsc_eval.offline.measuring import measure, queries_to_ask, score_columns, with_head
from dsc_eval.offline.scheme import Scheme, build_scheme
from dsc_eval.offline.shared_lists import SharedLists
from dsc_eval.output import Row
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
        shared = SharedLists(features, settings.seed)
        for name in data.track(settings.schemes, "measuring schemes", len(settings.schemes)):
            scheme = build_scheme(parse_scheme(name), features, 1, settings.seed, shared=shared)
            headless = scheme.spec.partitioning is Partitioning.NONE
            asked = queries_to_ask(
                scheme, len(features.queries), len(features.database), settings.exhaustive_queries
            )
            for head_labels in [1] if headless else _points(settings, scheme):
                asking = with_head(scheme, head_labels)
                measured = measure(asking, data.benchmark, features, asked.tolist())
                interval = bootstrap_mean(measured.precisions, settings.seed)
                yield {
                    "scheme": name,
                    "head_labels": "" if headless else head_labels,
                    "packet_bytes": asking.format.packet_bytes,
                    **size,
                    **score_columns(measured.scores, interval),
                }


def _points(settings: Fig2Settings, scheme: Scheme) -> list[int]:
    return sorted({point for point in settings.head_labels if 1 <= point <= scheme.format.num_partitions})


EXPERIMENT = Experiment(
    name="fig2",
    help="Fig. 2: mAP against the number of labels in the head, without noise.",
    columns=COLUMNS,
    settings=Fig2Settings,
    run=run,
)
