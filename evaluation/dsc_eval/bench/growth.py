"""Time of a query over the size of the database, up to ten million images, by simulation of the index alone.

The index of the real photos is enlarged: a simulated image has the lists and the feature of a real one, and
its code with other words for a quarter of the sub-vectors. Nothing is learned again, so databases are made in
seconds that would take hours to build. Times are those of such an index; its accuracy means nothing.
"""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from dsc_eval.bench.bench import Bench
from dsc_eval.bench.own_search import Answer, answering, num_candidates
from dsc_eval.bench.search import OneCodeSettings, queries_to_ask
from dsc_eval.bench.threads import limited_threads
from dsc_eval.experiments.decoding import signals_of
from dsc_eval.offline.benchmark_data import BenchmarkData
from dsc_eval.offline.scheme import build_scheme, head_labels_for
from dsc_eval.offline.timing import interleaved
from dsc_eval.output import Row
from dsc_server.index.semantic_index import SemanticIndex
from dsc_server.receiving.registry import receive
from dsc_server.scheme_specs import parse_scheme

CHANGED = 0.25  # of the sub-vectors of a simulated image
_AT_ONCE = 1 << 18  # images


class GrowthSettings(OneCodeSettings):
    """Settings of the benchmark.

    Attributes:
        snr_db: the points.
        queries: most queries that are asked.
        simulate: numbers of simulated images, a database each.
    """

    queries: int = Field(
        default=60, ge=1, description="Queries, evenly spread if there are more. (default: 60)"
    )
    simulate: list[int] = Field(
        default=[0, 10_000, 100_000, 1_000_000, 10_000_000],
        min_length=1,
        description="Numbers of simulated images added, a database each. "
        "(default: 0,10000,100000,1000000,10000000; ten million take 8 GiB)",
    )


def run(data: BenchmarkData, settings: GrowthSettings) -> Iterator[Row]:
    """A row per database and SNR."""
    numbers = queries_to_ask(len(data.features.queries), settings.queries)
    head_labels = head_labels_for(data.features.num_labels)
    real = build_scheme(parse_scheme(settings.scheme), data.features, head_labels, settings.seed)
    packets = [real.pack(data.features.queries[number]) for number in numbers]
    for simulated in settings.simulate:
        index = enlarged(real.index, simulated, np.random.default_rng(settings.seed))
        with limited_threads(settings.threads):
            calls: dict[float, Answer] = {}
            for snr_db in settings.snr_db:
                signals = signals_of(real, packets, snr_db, settings.seed)
                decoded = [receive(index.summary, [signal]) for signal in signals]
                calls[snr_db] = answering(index, decoded, real.spec.ranking)
            candidates = {
                snr_db: np.mean([num_candidates(call(number)) for number in range(len(numbers))])
                for snr_db, call in calls.items()
            }
            times = interleaved(calls, len(numbers), settings.runs, data.track)
        for snr_db in calls:
            yield {
                "snr_db": snr_db,
                "candidates": round(float(candidates[snr_db]), 1),
                **times[snr_db].columns(),
                "scheme": settings.scheme,
                "database": index.num_images,
                "simulated": simulated,
                "queries": len(numbers),
                **data.source,
            }


def enlarged(index: SemanticIndex, simulated: int, rng: np.random.Generator) -> SemanticIndex:
    """The index with simulated images after the real ones; with one code for all partitions, and features.

    Args:
        index: the real index; every row belongs to an image, and all images are in as many lists.
        simulated: number of images added.
        rng: of lists, features and codes.
    """
    if not simulated:
        return index
    count, num_labels = index.num_rows, len(index.offsets) - 1
    parents = np.concatenate([np.arange(count), rng.integers(0, count, simulated)])
    labels = _labels_of_rows(index)[parents]
    spill = labels.shape[1]
    images = np.argsort(labels.reshape(-1), kind="stable") // spill
    sizes = np.bincount(labels.reshape(-1), minlength=num_labels)
    summary = replace(
        index.summary,
        list_sizes=sizes,
        num_images=len(parents),
        label_model=replace(index.summary.label_model, sizes=sizes),
    )
    return replace(
        index,
        summary=summary,
        codes=_codes(index, parents, count, rng).T,
        images=images,
        offsets=np.concatenate([[0], np.cumsum(sizes)]),
        features=index.features[parents],
    )


def _labels_of_rows(index: SemanticIndex) -> NDArray[np.int16]:
    """(N, spill): the lists of each image."""
    labels = np.repeat(np.arange(len(index.offsets) - 1, dtype=np.int16), index.list_sizes)
    return labels[np.argsort(index.images, kind="stable")].reshape(index.num_rows, -1)


def _codes(
    index: SemanticIndex, parents: NDArray[np.int64], count: int, rng: np.random.Generator
) -> NDArray[np.uint8]:
    """(N, M): codes of the parents, those after the first `count` with other words at some places."""
    words = int(index.codebook.num_words.max())
    codes = index.codes.T[parents]
    for start in range(count, len(parents), _AT_ONCE):
        block = codes[start : start + _AT_ONCE]
        changed = rng.random(block.shape, dtype=np.float32) < CHANGED
        block[changed] = rng.integers(0, words, int(changed.sum()), dtype=np.uint8)
    return codes


BENCH = Bench(
    name="growth",
    help="Time from a decoded packet to the top of the ranking, over the number of images, to ten million.",
    settings=GrowthSettings,
    run=run,
    shown=("database", "snr_db", "candidates", "ms", "ms_p90", "ms_min", "ms_max", "cpu_ms"),
)
