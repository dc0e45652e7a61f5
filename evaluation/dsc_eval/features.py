"""Features and probabilities of a benchmark's photos, by the extractor that the services use."""

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dsc_common.errors import InvalidImageError
from dsc_common.extractor import Extraction, Extractor
from dsc_common.images import Box
from dsc_eval.ground_truth import Benchmark
from dsc_server.backbones import export_backbone
from dsc_server.extraction import extract_in_order
from dsc_server.indexing import Track
from dsc_server.partitions import top_labels_of
from dsc_server.scheme_specs import MAX_SPILL


@dataclass(frozen=True, eq=False)
class BenchmarkFeatures:
    """What the extractor makes of a benchmark.

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


def load_extractor(backbone: str, model: Path | None) -> Extractor:
    """The extractor of an exported model, or of a backbone that is exported for the occasion."""
    if model is not None:
        return Extractor.from_file(model, threads=1)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.onnx"
        export_backbone(backbone, path)
        return Extractor.from_file(path, threads=1)


def extract_benchmark(benchmark: Benchmark, extractor: Extractor, track: Track[Any]) -> BenchmarkFeatures:
    """Features of the whole benchmark; InvalidImageError when a photo of it cannot be read."""
    wanted: list[tuple[Path, Box | None]] = [(path, None) for path in benchmark.database]
    database = np.zeros((len(wanted), extractor.info.feature_dim), dtype=np.float32)
    kept = min(MAX_SPILL, len(extractor.info.labels))
    labels = np.zeros((len(wanted), kept), dtype=np.int64)
    probabilities = np.zeros((len(wanted), kept), dtype=np.float32)
    tracked = track(extract_in_order(extractor, wanted), "extracting the database", len(wanted))
    for number, extraction in enumerate(tracked):
        whole = _require_read(extraction)
        database[number] = whole.feature
        labels[number] = top_labels_of(whole.probabilities, kept)
        probabilities[number] = whole.probabilities[labels[number]]
    asked = [(query.path, query.box) for query in benchmark.queries]
    tracked = track(extract_in_order(extractor, asked), "extracting the queries", len(asked))
    queries = [_require_read(extraction) for extraction in tracked]
    return BenchmarkFeatures(database, labels, probabilities, queries, len(extractor.info.labels))


def _require_read(extraction: Extraction | InvalidImageError) -> Extraction:
    if isinstance(extraction, InvalidImageError):
        raise extraction
    return extraction
