"""Time from a decoded packet to the top of the ranking, against accuracy; beside Faiss on the same features.

Every contender of a database answers the same packets in the same run, one after the other.
"""

from collections.abc import Iterator, Sequence
from math import inf

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, field_validator

from dsc_common.benchmark.ground_truth import EvaluationQuery
from dsc_common.benchmark.metrics import mean, score_ranking
from dsc_common.packet.format import Payload
from dsc_common.radio.link import ReceivedSignal
from dsc_eval.bench.bench import Bench, BenchSettings, SnrPoints
from dsc_eval.bench.contender import Contender
from dsc_eval.bench.faiss_search import FaissIndexes, build, faiss_contenders
from dsc_eval.bench.own_search import SCORED, own_contenders, points
from dsc_eval.bench.same_accuracy import with_rival
from dsc_eval.bench.threads import limited_threads
from dsc_eval.experiments.decoding import signals_of
from dsc_eval.experiments.settings import POINTS_HELP
from dsc_eval.offline.benchmark_data import BenchmarkData
from dsc_eval.offline.scheme import Scheme, build_scheme, head_labels_for
from dsc_eval.offline.simulate import with_simulated
from dsc_eval.offline.timing import interleaved
from dsc_eval.output import Row
from dsc_server.receiving.registry import receive
from dsc_server.scheme_specs import DEFAULT_SCHEME, parse_scheme


class OneCodeSettings(BenchSettings):
    """Settings of benchmarks of ranking.

    Attributes:
        scheme: with one code for all partitions.
        snr_db: the points.
    """

    scheme: str = Field(
        default=DEFAULT_SCHEME,
        description=f"Scheme with one code for all partitions. (default: {DEFAULT_SCHEME})",
    )
    snr_db: SnrPoints = Field(default=[inf, 0.0], min_length=1, description=f"{POINTS_HELP} (default: inf,0)")

    @field_validator("scheme")
    @classmethod
    def _with_one_code(cls, name: str) -> str:
        if parse_scheme(name).payload is not Payload.CODE:
            raise ValueError(f"expected a scheme with one code for all partitions, such as dsc, got {name}")
        return name


class SearchSettings(OneCodeSettings):
    """Settings of the benchmark.

    Attributes:
        queries: most queries that are asked.
        candidates: numbers of listed images, a point of our curve each.
        rerank: numbers of images that are re-ranked, a point each.
        nprobe: numbers of lists that Faiss probes, a point of its curve each.
        nlist: lists of Faiss.
        depth: images that Faiss re-ranks.
    """

    queries: int = Field(
        default=200, ge=1, description="Queries, evenly spread if there are more. (default: 200)"
    )
    candidates: list[int] = Field(
        default=[1000, 2000, 5000, 10_000, 20_000, 50_000, 100_000, 200_000, 500_000],
        min_length=1,
        description="Numbers of listed images to search, a point each, beside the default of a server.",
    )
    rerank: list[int] = Field(
        default=[100, 300, 3000],
        min_length=1,
        description="Numbers of images to re-rank, a point each, beside the default of a server.",
    )
    nprobe: list[int] = Field(
        default=[1, 2, 5, 10, 20, 50, 100, 200, 500, 1000],
        min_length=1,
        description="Numbers of lists that Faiss probes, a point each.",
    )
    nlist: int = Field(default=1000, ge=1, description="Lists of Faiss. (default: 1000)")
    depth: int = Field(default=SCORED, ge=1, description="Images that Faiss re-ranks. (default: 1000)")

    @field_validator("candidates", "rerank", "nprobe")
    @classmethod
    def _counts(cls, values: list[int]) -> list[int]:
        if min(values) < 1:
            raise ValueError(f"expected numbers from 1, got {min(values)}")
        return sorted(set(values))


def run(data: BenchmarkData, settings: SearchSettings) -> Iterator[Row]:
    """One row per database, SNR, and point of a curve."""
    numbers = queries_to_ask(len(data.features.queries), settings.queries)
    asked = [data.benchmark.queries[number] for number in numbers]
    for simulated in settings.simulate:
        scheme = _scheme(data, simulated, settings)
        packets = [scheme.pack(data.features.queries[number]) for number in numbers]
        faiss_indexes = build(scheme.index, settings.nlist, settings.seed)
        with limited_threads(settings.threads):
            contenders = {
                (snr_db, number): contender
                for snr_db in settings.snr_db
                for signals in [signals_of(scheme, packets, snr_db, settings.seed)]
                for number, contender in enumerate(_contenders(scheme, faiss_indexes, signals, settings))
            }
            scores = {key: _scored(contender, asked) for key, contender in contenders.items()}
            calls = {key: contender.answer for key, contender in contenders.items()}
            times = interleaved(calls, len(numbers), settings.runs, data.track)
        size: Row = {"database": scheme.index.num_images, "simulated": simulated, "queries": len(numbers)}
        for snr_db in settings.snr_db:
            rows: list[Row] = [
                {
                    "system": contender.system,
                    **contender.setting,
                    **scores[key],
                    **times[key].columns(),
                    "per_second": round(times[key].per_second, 3),
                    "snr_db": snr_db,
                    **size,
                    **data.source,
                }
                for key, contender in contenders.items()
                if key[0] == snr_db
            ]
            yield from with_rival(rows, settings.scheme)


def _scheme(data: BenchmarkData, simulated: int, settings: SearchSettings) -> Scheme:
    """The index of a database, whose features are not kept: they may take most of the memory."""
    features = with_simulated(data.features, simulated, settings.seed)
    head_labels = head_labels_for(features.num_labels)
    return build_scheme(parse_scheme(settings.scheme), features, head_labels, settings.seed)


def queries_to_ask(count: int, most: int) -> list[int]:
    """Numbers of the queries that are asked: all, or `most` evenly spread ones."""
    return [int(number) for number in np.linspace(0, count - 1, min(count, most)).round()]


def _contenders(
    scheme: Scheme, faiss_indexes: FaissIndexes, signals: Sequence[ReceivedSignal], settings: SearchSettings
) -> Iterator[Contender]:
    limits = points(scheme.index.images.size, settings.candidates, settings.rerank)
    yield from own_contenders(scheme, signals, limits)
    estimates: list[NDArray[np.float32]] = [receive(scheme.index.summary, [signal]).q for signal in signals]
    yield from faiss_contenders(faiss_indexes, estimates, settings.nprobe, settings.depth)


def _scored(contender: Contender, asked: Sequence[EvaluationQuery]) -> Row:
    """Accuracy and candidates, each a mean over the queries; it warms the contender up, too."""
    precisions, counts = [], []
    for number, query in enumerate(asked):
        images = contender.answer(number)
        score = score_ranking(images[:SCORED], query.positives, query.junk, ())
        precisions.append(score.average_precision)
        counts.append(contender.candidates(number, images))
    return {"mAP": round(mean(precisions), 6), "candidates": round(mean(counts), 1)}


BENCH = Bench(
    name="search",
    help="Time from a decoded packet to the top of the ranking, against mAP; beside Faiss.",
    settings=SearchSettings,
    run=run,
    shown=(
        *("database", "snr_db", "system", "setting", "candidates", "mAP"),
        *("ms", "ms_p90", "ms_min", "ms_max", "per_second", "rival", "ahead"),
    ),
)
