"""A small benchmark of random features, and what a scheme has on it by itself."""

from pathlib import Path

import numpy as np

from dsc_common.benchmark.ground_truth import Benchmark, EvaluationQuery
from dsc_common.benchmark.metrics import mean, score_ranking
from dsc_common.features.extraction import Extraction
from dsc_eval.features.benchmark_features import BenchmarkFeatures
from dsc_eval.offline.benchmark_data import BenchmarkData
from dsc_eval.offline.scheme import build_scheme
from dsc_server.scheme_specs import parse_scheme

K, F, A, N, QUERIES = 16, 16, 8, 90, 12


def small_benchmark_data() -> BenchmarkData:
    """Images around a centre of each label; a query looks for the images of the label it is made from."""
    rng = np.random.default_rng(1)
    centres = rng.standard_normal((K, F))

    def draw(label: int) -> tuple[np.ndarray, np.ndarray]:
        feature = centres[label] + 0.6 * rng.standard_normal(F)
        logits = 4 * centres @ feature / F + rng.gumbel(size=K)
        probabilities = np.exp(logits - logits.max())
        unit = (feature / np.linalg.norm(feature)).astype(np.float32)
        return unit, (probabilities / probabilities.sum()).astype(np.float32)

    labels = rng.integers(0, K, N)
    database = [draw(label) for label in labels]
    probabilities = np.stack([p for _, p in database])
    top = np.argsort(-probabilities, axis=1, kind="stable")[:, :A]
    wanted = [int(label) for label in rng.choice(labels, QUERIES)]
    features = BenchmarkFeatures(
        database=np.stack([feature for feature, _ in database]),
        top_labels=top.astype(np.int64),
        top_probabilities=np.take_along_axis(probabilities, top, axis=1),
        queries=[Extraction(*draw(label)) for label in wanted],
        num_labels=K,
    )
    queries = [
        EvaluationQuery(
            Path("q"), None, frozenset(np.flatnonzero(labels == label).tolist()), frozenset(), "g"
        )
        for label in wanted
    ]
    return BenchmarkData(Benchmark("small", [Path(str(i)) for i in range(N)], queries), features)


def mean_average_precision(data: BenchmarkData, name: str, head_labels: int, seed: int = 0) -> float:
    """By way of `build_scheme` anew, not of an index whose packets change their shape."""
    scheme = build_scheme(parse_scheme(name), data.features, head_labels, seed)
    return mean(
        [
            score_ranking(scheme.rank(extraction), query.positives, query.junk, ()).average_precision
            for query, extraction in zip(data.benchmark.queries, data.features.queries, strict=True)
        ]
    )
