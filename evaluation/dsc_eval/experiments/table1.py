"""Table I: accuracy, bytes over the air, time and memory of every scheme at every database size."""

from collections.abc import Iterator

from dsc_eval.experiments.databases import DatabaseSettings, databases
from dsc_eval.experiments.experiment import Experiment
from dsc_eval.experiments.provenance import Stopwatch, peak_memory_bytes
from dsc_eval.offline.benchmark_data import SOURCE_COLUMNS, BenchmarkData
from dsc_eval.offline.measuring import codebook_bytes, index_bytes, measure, queries_to_ask
from dsc_eval.offline.scheme import build_scheme, head_labels_for
from dsc_eval.offline.score_columns import (
    PACKET_COLUMNS,
    RANK_COLUMNS,
    packet_columns,
    rank_columns,
    score_columns,
)
from dsc_eval.offline.shared_lists import SharedLists
from dsc_eval.output import Row
from dsc_eval.scored_rows import ScoredRow
from dsc_server.scheme_specs import parse_scheme

COLUMNS = (
    "scheme",
    "packet_bytes",
    "database",
    "simulated",
    "queries",
    "mAP",
    "mAP_low",
    "mAP_high",
    "recall",
    "candidates",
    "encode_ms",
    "rank_ms",
    "build_s",
    "index_bytes",
    "codebook_bytes",
    "peak_memory_bytes",
    *PACKET_COLUMNS,
    *RANK_COLUMNS,
    "mAP_trapezoidal",
    "recall_at",
    "groups",
    *SOURCE_COLUMNS,
)
SHOWN = (
    *("scheme", "head_bytes", "M", "database", "simulated", "mAP", "mAP_low", "mAP_high"),
    *("mAP_trapezoidal", "recall"),
    *("R@1", "R@10", "R@100", "candidates", "rank_ms", "build_s", "index_bytes"),
)


def run(data: BenchmarkData, settings: DatabaseSettings) -> Iterator[Row]:
    """One row of `COLUMNS` per database and scheme.

    Schemes with the same lists share them; `build_s` includes them for each scheme, as if it were built
    alone. `peak_memory_bytes` is the peak of the process until the end of the row, with earlier schemes and
    simulation.
    """
    for features, size in databases(data, settings.simulate, settings.seed):
        shared = SharedLists(features, settings.of_index)
        tracked = data.track(settings.schemes, f"measuring {size['database']} images", len(settings.schemes))
        for name in tracked:
            row, precisions = _row(data, shared, name, settings)
            yield ScoredRow({"scheme": name, **size, **row, **data.source}, precisions)


def _row(
    data: BenchmarkData, shared: SharedLists, name: str, settings: DatabaseSettings
) -> tuple[Row, dict[int, float]]:
    features, spec = shared.features, parse_scheme(name)
    lists_s = shared.of(spec).seconds
    building = Stopwatch()
    head_labels = head_labels_for(features.num_labels)
    scheme = build_scheme(spec, features, head_labels, settings.of_index, shared=shared)
    build_s = lists_s + building.seconds()
    numbers = queries_to_ask(
        scheme, len(features.queries), len(features.database), settings.exhaustive_queries
    )
    cut = settings.recall_cut(spec)
    measured = measure(scheme, data.benchmark, features, numbers.tolist(), cut)
    scores = [[score] for score in measured.scores]
    row: Row = {
        "packet_bytes": scheme.format.packet_bytes,
        **packet_columns(scheme.format),
        **score_columns(scores, data.groups(measured.asked), settings.seed, cut),
        **rank_columns(scores),
        "encode_ms": round(measured.encode_ms, 3),
        "rank_ms": round(measured.rank_ms, 3),
        "build_s": round(build_s, 1),
        "index_bytes": index_bytes(scheme.index),
        "codebook_bytes": codebook_bytes(scheme.index),
        "peak_memory_bytes": peak_memory_bytes(),
    }
    return row, measured.precisions


EXPERIMENT = Experiment(
    name="table1",
    help="Table I: every scheme at every size of the database: accuracy, bytes, time, memory.",
    columns=COLUMNS,
    settings=DatabaseSettings,
    run=run,
    shown=SHOWN,
    compared=("scheme",),
    condition=("database", "simulated"),
)
