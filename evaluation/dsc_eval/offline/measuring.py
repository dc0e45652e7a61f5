"""One scheme on the queries of a benchmark: scores, times, sizes."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dsc_common.benchmark.ground_truth import Benchmark
from dsc_common.benchmark.metrics import RankingScore, score_ranking
from dsc_common.packet.format import Payload
from dsc_eval.features.benchmark_features import BenchmarkFeatures
from dsc_eval.offline.scheme import Scheme
from dsc_eval.offline.score_columns import KS
from dsc_server.index.semantic_index import SemanticIndex
from dsc_server.scheme_specs import Partitioning

MAX_IMAGES_FOR_ALL_QUERIES = (
    50_000  # images; beyond, raw features are compared with all of them for fewer queries
)


@dataclass(frozen=True)
class Measurement:
    """Results of the queries that were asked, without noise.

    Attributes:
        asked: numbers of the queries.
        scores: one per query.
        encode_ms: mean time of the device from feature to packet.
        rank_ms: mean time from packet to ranked list: channel, receiver, ranking.
    """

    asked: list[int]
    scores: list[RankingScore]
    encode_ms: float
    rank_ms: float

    @property
    def precisions(self) -> dict[int, float]:
        """Average precision of each query, by its number."""
        return {
            number: score.average_precision for number, score in zip(self.asked, self.scores, strict=True)
        }


def measure(
    scheme: Scheme,
    benchmark: Benchmark,
    features: BenchmarkFeatures,
    asked: Sequence[int] | None = None,
    cut: int | None = None,
) -> Measurement:
    """Ask a scheme queries without noise.

    Args:
        scheme: the scheme, over the benchmark's database.
        benchmark: positives and junk.
        features: of the queries.
        asked: which queries; all by default.
        cut: length at which the lists are cut for their recall.
    """
    numbers = list(range(len(benchmark.queries)) if asked is None else asked)
    scores, encode_s, rank_s = [], 0.0, 0.0
    for number in numbers[:1]:
        scheme.rank(features.queries[number])  # what is learned or tabulated at the first packet
    for number in numbers:
        query = benchmark.queries[number]
        start = time.perf_counter()
        data = scheme.pack(features.queries[number])
        packed = time.perf_counter()
        images = scheme.answer(data).images
        encode_s, rank_s = encode_s + packed - start, rank_s + time.perf_counter() - packed
        scores.append(score_ranking(images, query.positives, query.junk, KS, cut))
    return Measurement(numbers, scores, 1e3 * encode_s / len(scores), 1e3 * rank_s / len(scores))


def queries_to_ask(scheme: Scheme, num_queries: int, num_images: int, limit: int) -> NDArray[np.int64]:
    """(n,) int64 queries: all, or `limit` evenly spread ones for raw features against a large database."""
    whole = scheme.spec.partitioning is Partitioning.NONE and scheme.spec.payload is Payload.FEATURE
    count = min(limit, num_queries) if whole and num_images > MAX_IMAGES_FOR_ALL_QUERIES else num_queries
    return np.linspace(0, num_queries - 1, count).round().astype(np.int64)


def with_head(scheme: Scheme, head_labels: int) -> Scheme:
    """The same index, asked by packets with T = `head_labels`; only the packets' shape depends on T."""
    summary = replace(scheme.index.summary, format=replace(scheme.format, head_labels=head_labels))
    return replace(scheme, index=replace(scheme.index, summary=summary))


def codebook_bytes(index: SemanticIndex) -> int:
    """Bytes that a device holds of an index: C, R and the rotation."""
    book = index.codebook
    arrays: tuple[NDArray[Any], ...] = (
        book.codewords,
        book.words,
        book.scales,
        book.offsets,
        book.transform.mean,
        book.transform.projection,
    )
    return sum(array.nbytes for array in arrays)


def index_bytes(index: SemanticIndex) -> int:
    """Bytes that the server holds: codebook, lists, codes, features, sub-cells."""
    arrays: list[NDArray[Any]] = [index.codes, index.images, index.offsets, index.features]
    if index.subcells is not None:
        arrays += [index.subcells.alphas, index.subcells.neighbours, index.subcells.members]
    return codebook_bytes(index) + sum(array.nbytes for array in arrays)
