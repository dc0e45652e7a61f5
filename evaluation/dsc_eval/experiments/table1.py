"""Table I: accuracy, bytes over the air, time and memory of every scheme at every database size."""

from collections.abc import Iterator

from dsc_eval.experiments.databases import DatabaseSettings, databases
from dsc_eval.experiments.experiment import Experiment
from dsc_eval.experiments.provenance import Stopwatch, peak_memory_bytes
from dsc_eval.measures.bootstrap import bootstrap_mean
from dsc_eval.offline.benchmark_data import BenchmarkData
from dsc_eval.offline.measuring import codebook_bytes, index_bytes, measure, queries_to_ask, score_columns
from dsc_eval.offline.scheme import build_scheme, head_labels_for
from dsc_eval.offline.shared_lists import SharedLists
from dsc_eval.output import Row
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
)
SHOWN = (
    *("scheme", "packet_bytes", "database", "simulated", "mAP", "mAP_low", "mAP_high", "recall"),
    *("candidates", "rank_ms", "build_s", "index_bytes"),
)


def run(data: BenchmarkData, settings: DatabaseSettings) -> Iterator[Row]:
    """One row of `COLUMNS` per database and scheme.

    Schemes with the same lists share them; `build_s` includes them for each scheme, as if it were built
    alone. `peak_memory_bytes` is the peak of the process until the end of the row, with earlier schemes and
    simulation.
    """
    for features, size in databases(data, settings.simulate, settings.seed):
        shared = SharedLists(features, settings.seed)
        tracked = data.track(settings.schemes, f"measuring {size['database']} images", len(settings.schemes))
        for name in tracked:
            yield {"scheme": name, **size, **_row(data, shared, name, settings)}


def _row(data: BenchmarkData, shared: SharedLists, name: str, settings: DatabaseSettings) -> Row:
    features, spec = shared.features, parse_scheme(name)
    lists_s = shared.of(spec).seconds
    building = Stopwatch()
    head_labels = head_labels_for(features.num_labels)
    scheme = build_scheme(spec, features, head_labels, settings.seed, shared=shared)
    build_s = lists_s + building.seconds()
    numbers = queries_to_ask(
        scheme, len(features.queries), len(features.database), settings.exhaustive_queries
    )
    measured = measure(scheme, data.benchmark, features, numbers.tolist())
    return {
        "packet_bytes": scheme.format.packet_bytes,
        **score_columns(measured.scores, bootstrap_mean(measured.precisions, settings.seed)),
        "encode_ms": round(measured.encode_ms, 3),
        "rank_ms": round(measured.rank_ms, 3),
        "build_s": round(build_s, 1),
        "index_bytes": index_bytes(scheme.index),
        "codebook_bytes": codebook_bytes(scheme.index),
        "peak_memory_bytes": peak_memory_bytes(),
    }


EXPERIMENT = Experiment(
    name="table1",
    help="Table I: every scheme at every size of the database: accuracy, bytes, time, memory.",
    columns=COLUMNS,
    settings=DatabaseSettings,
    run=run,
    shown=SHOWN,
)
