"""Features and probabilities of a benchmark's photos, with the extractor of the services."""

import tempfile
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dsc_common.benchmark.ground_truth import Benchmark, EvaluationQuery, without_images
from dsc_common.errors import InvalidImageError, InvalidInputError
from dsc_common.features.cached_extraction import extract_cached
from dsc_common.features.extraction import Extraction
from dsc_common.features.extractor import Extractor
from dsc_common.features.feature_cache import FeatureCache
from dsc_common.features.hardware import CPU, Hardware
from dsc_common.features.images import Box
from dsc_common.files.scratch import scratch_array
from dsc_common.packet.labels import top_labels
from dsc_common.progress import Track
from dsc_model import export_or_copy
from dsc_server.scheme_specs import MAX_SPILL


@dataclass(frozen=True, eq=False)
class BenchmarkFeatures:
    """Features and probabilities of a benchmark's photos.

    Attributes:
        database: (N, F) float32.
        top_labels: (N, A) int64, the A = 10 most likely labels of each database image, most likely first.
        top_probabilities: (N, A) float32, theirs.
        queries: one extraction per query.
        num_labels: K.
    """

    database: NDArray[np.float32]
    top_labels: NDArray[np.int64]
    top_probabilities: NDArray[np.float32]
    queries: list[Extraction]
    num_labels: int

    @property
    def labels(self) -> NDArray[np.int64]:
        """(N,) int64: the most likely label of each database image."""
        return self.top_labels[:, 0]


def load_extractor(
    backbone: str,
    model: Path | None,
    store: Path | None = None,
    say: Callable[[str], None] = lambda line: None,
    hardware: Hardware = CPU,
) -> Extractor:
    """The extractor of an exported model, or of a backbone that is exported, or was before.

    Args:
        backbone: name of the backbone.
        model: an exported model, in place of a backbone.
        store: folder in which exports are kept; None keeps none.
        say: receives lines for a person.
        hardware: where the network computes.
    """
    if model is not None:
        return Extractor.from_file(model, threads=1, hardware=hardware)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.onnx"
        export_or_copy(backbone, path, store=store, say=say)
        return Extractor.from_file(path, threads=1, hardware=hardware)


def extract_readable(
    benchmark: Benchmark,
    extractor: Extractor,
    track: Track[Any],
    on_unreadable: Callable[[Path, InvalidImageError], None],
    cache: FeatureCache | None = None,
) -> tuple[Benchmark, BenchmarkFeatures]:
    """Features of what can be read of a benchmark, and the benchmark without the rest.

    Args:
        benchmark: photos and queries.
        extractor: an exported backbone.
        track: shows progress over photos.
        on_unreadable: called for a photo that cannot be read; it is left out if this returns.
        cache: read before, and filled after, a photo is extracted.

    Raises:
        InvalidInputError: no query is left.
    """
    has_queries = bool(benchmark.queries)
    database = _extract_database(benchmark, extractor, track, on_unreadable, cache)
    benchmark = without_images(benchmark, database.unreadable)
    asked = [(query.path, query.box) for query in benchmark.queries if not _is_known(query, database.whole)]
    queries: list[tuple[EvaluationQuery, Extraction]] = []
    with closing(extract_cached(extractor, asked, cache)) as source:
        extracted = iter(track(source, "extracting the queries", len(asked)) if asked else ())
        for query in benchmark.queries:
            extraction = database.whole[query.path] if _is_known(query, database.whole) else next(extracted)
            if isinstance(extraction, InvalidImageError):
                on_unreadable(query.path, extraction)
            else:
                queries.append((query, extraction))
        for _ in extracted:  # let the progress bar come to its end
            pass
    if has_queries and not queries:
        raise InvalidInputError(f"{benchmark.name}: no query is left of what can be read")
    features = BenchmarkFeatures(
        database.features,
        database.labels,
        database.probabilities,
        [extraction for _, extraction in queries],
        len(extractor.info.labels),
    )
    return replace(benchmark, queries=[query for query, _ in queries]), features


@dataclass(frozen=True, eq=False)
class _Database:
    """Of the n photos that can be read: features (n, F), labels and probabilities (n, A).

    `whole` keeps the full extractions of photos that are queries, too; `unreadable` their positions.
    """

    features: NDArray[np.float32]
    labels: NDArray[np.int64]
    probabilities: NDArray[np.float32]
    whole: dict[Path, Extraction]
    unreadable: set[int]


def _extract_database(
    benchmark: Benchmark,
    extractor: Extractor,
    track: Track[Any],
    on_unreadable: Callable[[Path, InvalidImageError], None],
    cache: FeatureCache | None,
) -> _Database:
    wanted: list[tuple[Path, Box | None]] = [(path, None) for path in benchmark.database]
    features = scratch_array((len(wanted), extractor.info.feature_dim), np.float32)
    kept = min(MAX_SPILL, len(extractor.info.labels))
    labels = np.zeros((len(wanted), kept), dtype=np.int64)
    probabilities = np.zeros((len(wanted), kept), dtype=np.float32)
    asked = {query.path for query in benchmark.queries if query.box is None}
    whole: dict[Path, Extraction] = {}
    unreadable: set[int] = set()
    # Closed here, not when it is collected: what it leaves in the cache belongs to this thread.
    with closing(extract_cached(extractor, wanted, cache)) as source:
        extracted = track(source, "extracting the database", len(wanted))
        for number, ((path, _), extraction) in enumerate(zip(wanted, extracted, strict=True)):
            if isinstance(extraction, InvalidImageError):
                on_unreadable(path, extraction)
                unreadable.add(number)
                continue
            row = number - len(unreadable)
            features[row] = extraction.feature
            labels[row] = top_labels(extraction.probabilities, kept)
            probabilities[row] = extraction.probabilities[labels[row]]
            if path in asked:
                whole[path] = extraction
    count = len(wanted) - len(unreadable)
    return _Database(features[:count], labels[:count], probabilities[:count], whole, unreadable)


def _is_known(query: EvaluationQuery, whole: dict[Path, Extraction]) -> bool:
    return query.box is None and query.path in whole
