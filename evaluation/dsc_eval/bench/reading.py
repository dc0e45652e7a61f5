"""What reading a large JPEG at a reduced scale saves and costs: milliseconds, and mAP.

A data set of small photos is asked by large ones: each query is enlarged, gets grain as of a sensor, and is
saved as a JPEG. `reduced` is how photos are read; `whole` decodes every pixel and scales then. `stored` is
the small photo itself. The database is that of the data set.
"""

import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pydantic import BaseModel, ConfigDict, Field

from dsc_common.benchmark.ground_truth import EvaluationQuery
from dsc_common.features.extraction import Extraction
from dsc_common.features.extractor import Extractor
from dsc_common.features.images import load_photo, load_pixels, upright_size
from dsc_eval.bench.threads import limited_threads
from dsc_eval.experiments.settings import MAX_SEEDS
from dsc_eval.measures.paired import paired_difference
from dsc_eval.offline.benchmark_data import BenchmarkData
from dsc_eval.offline.measuring import Measurement, measure
from dsc_eval.offline.scheme import build_scheme, head_labels_for
from dsc_eval.output import Row, rounded
from dsc_eval.scheme_names import SchemeNames
from dsc_server.scheme_specs import parse_scheme

NAME = "reading"
THREADS = 1
REDUCED, WHOLE, STORED = "reduced", "whole", "stored"
SHOWN = ("scheme", "reading", "ms", "cosine", "mAP", "difference", "difference_low", "difference_high")


class ReadingSettings(BaseModel):
    """Settings of the comparison.

    Attributes:
        schemes: that the mAP is measured with; `exhaustive` compares features.
        longest_side: of the large photos, in pixels.
        quality: of their JPEG files.
        grain: standard deviation of their grain, in levels of 255.
        seed: of the grain, of k-means and of rotations.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    schemes: SchemeNames = Field(
        default=["dsc", "exhaustive"], min_length=1, description="Schemes. (default: dsc,exhaustive)"
    )
    longest_side: int = Field(
        default=4000, ge=32, le=8000, description="Longest side of the large photos. (default: 4000)"
    )
    quality: int = Field(default=90, ge=1, le=100, description="Quality of their JPEG files. (default: 90)")
    grain: float = Field(
        default=3.0, ge=0, le=64, description="Deviation of their grain, in levels of 255. (default: 3)"
    )
    seed: int = Field(default=0, ge=0, lt=MAX_SEEDS, description="Seed of everything that is random.")


@dataclass(frozen=True)
class _Read:
    """The queries, read in one way: their extractions, and seconds of processor time of each reading."""

    queries: list[Extraction]
    seconds: list[float]


def run(data: BenchmarkData, settings: ReadingSettings, extractor: Extractor) -> Iterator[Row]:
    """One row per scheme and reading.

    Args:
        data: database and queries; boxes of queries are not looked at.
        settings: of the comparison.
        extractor: the network of the features.
    """
    asked = data.benchmark.queries
    with limited_threads(THREADS):
        reads = _read_all(data, asked, settings, extractor)
        for name in settings.schemes:
            head_labels = head_labels_for(data.features.num_labels)
            scheme = build_scheme(parse_scheme(name), data.features, head_labels, settings.seed)
            measured = {
                reading: measure(scheme, data.benchmark, replace(data.features, queries=read.queries))
                for reading, read in reads.items()
            }
            for reading, read in reads.items():
                row = _row(reading, measured, data.groups(), settings.seed)
                cosine = rounded(np.median(_cosines(read.queries, reads[WHOLE].queries)))
                ms = rounded(1e3 * np.median(read.seconds))
                yield {"scheme": name, **row, "cosine": cosine, "ms": ms, **data.source}


def _read_all(
    data: BenchmarkData, asked: Sequence[EvaluationQuery], settings: ReadingSettings, extractor: Extractor
) -> dict[str, _Read]:
    reads = {reading: _Read([], []) for reading in (STORED, WHOLE, REDUCED)}
    rng, side = np.random.default_rng(settings.seed), extractor.info.longest_side
    with tempfile.TemporaryDirectory() as folder:
        large = Path(folder) / "large.jpg"
        for query in data.track(asked, "reading enlarged queries", len(asked)):
            enlarge(query.path, large, settings, rng)
            width, height = upright_size(large)
            for reading, path, box in (
                (STORED, query.path, None),
                (WHOLE, large, (0.0, 0.0, float(width), float(height))),
                (REDUCED, large, None),
            ):
                begun = time.process_time()
                pixels = load_pixels(path, side, box)
                reads[reading].seconds.append(time.process_time() - begun)
                reads[reading].queries.append(extractor.run(pixels))
    return reads


def enlarge(photo: Path, target: Path, settings: ReadingSettings, rng: np.random.Generator) -> None:
    """Write a photo as a large JPEG: enlarged (bicubic), with the same grain in all channels."""
    small = load_photo(photo, settings.longest_side)
    factor = settings.longest_side / max(small.size)
    size = (round(small.width * factor), round(small.height * factor))
    pixels = np.asarray(small.resize(size, Image.Resampling.BICUBIC), dtype=np.float32)
    grain = settings.grain * rng.standard_normal((*pixels.shape[:2], 1), dtype=np.float32)
    Image.fromarray(np.clip(pixels + grain, 0, 255).round().astype(np.uint8)).save(
        target, "JPEG", quality=settings.quality
    )


def _row(reading: str, measured: dict[str, Measurement], groups: Sequence[str], seed: int) -> Row:
    """mAP, and its difference from that of whole decoding, with the interval over queries."""
    precisions = [score.average_precision for score in measured[reading].scores]
    whole = [score.average_precision for score in measured[WHOLE].scores]
    interval = paired_difference(precisions, whole, seed, groups).interval
    return {
        "reading": reading,
        "queries": len(precisions),
        "mAP": float(np.mean(precisions)),
        "difference": interval.mean,
        "difference_low": interval.low,
        "difference_high": interval.high,
    }


def _cosines(first: Sequence[Extraction], second: Sequence[Extraction]) -> NDArray[np.float64]:
    """(n,) cosines of features, which have unit length."""
    return np.array([float(a.feature @ b.feature) for a, b in zip(first, second, strict=True)])
