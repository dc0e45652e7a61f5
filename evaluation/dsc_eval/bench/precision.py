"""Precision of the words of R: bytes that a device downloads, and mAP, beside float32."""

from collections.abc import Iterator
from statistics import fmean

import numpy as np
from pydantic import Field

from dsc_common.codebook.precision import Precision
from dsc_common.packet.format import PacketFormat, Payload
from dsc_eval.bench.bench import Bench, BenchSettings
from dsc_eval.experiments.databases import databases
from dsc_eval.features.benchmark_features import BenchmarkFeatures
from dsc_eval.offline.benchmark_data import BenchmarkData
from dsc_eval.offline.measuring import codebook_bytes, measure
from dsc_eval.offline.scheme import Scheme, head_labels_for
from dsc_eval.output import Row
from dsc_eval.scheme_names import SchemeNames
from dsc_server.building.indexing import build_index
from dsc_server.building.partitioning import partition
from dsc_server.building.scheme_format import scheme_format
from dsc_server.scheme_specs import SchemeSpec, parse_scheme

SCHEMES = ["dsc", "dsc-pq"]
DIGITS = 5  # of mAP


class PrecisionSettings(BenchSettings):
    """Settings of the measurement.

    Attributes:
        schemes: built in each precision.
        seeds: indexes of each scheme and precision, whose mAP is averaged.
        sizes_only: number of simulated images from which only bytes are counted.
    """

    schemes: SchemeNames = Field(
        default=SCHEMES, min_length=1, description=f"Schemes. (default: {', '.join(SCHEMES)})"
    )
    seeds: int = Field(
        default=5, ge=1, le=100, description="Number of indexes that mAP is averaged over. (default: 5)"
    )
    sizes_only: int = Field(
        default=50_000,
        ge=1,
        description="Simulated images from which only bytes are counted. (default: 50000)",
    )


def run(data: BenchmarkData, settings: PrecisionSettings) -> Iterator[Row]:
    """A row for each database, scheme and precision."""
    for features, size in databases(data, settings.simulate, settings.seed):
        for name in settings.schemes:
            spec = parse_scheme(name)
            if int(str(size["simulated"])) >= settings.sizes_only:
                rows = _sizes(spec, features, settings.seed)
            else:
                rows = _measured(spec, data, features, settings)
            yield from ({"scheme": name, **row, **size, **data.source} for row in rows)


def _built(spec: SchemeSpec, features: BenchmarkFeatures, precision: Precision, seed: int) -> Scheme:
    fmt = PacketFormat(features.num_labels, head_labels_for(features.num_labels))
    index = build_index(features.database, features.top_labels, fmt, spec, precision=precision, seed=seed)
    return Scheme(spec, index)


def _bytes_of(scheme: Scheme) -> Row:
    book = scheme.index.codebook
    return {"codebook_bytes": codebook_bytes(scheme.index), "words_bytes": book.words.nbytes}


def _measured(
    spec: SchemeSpec, data: BenchmarkData, features: BenchmarkFeatures, settings: PrecisionSettings
) -> list[Row]:
    """Bytes and mAP of each precision, float32 first."""
    seeds = range(settings.seed, settings.seed + settings.seeds)
    rows: list[Row] = []
    of_float32: list[float] = []
    for precision in Precision:
        maps, sizes = [], []
        for seed in seeds:
            scheme = _built(spec, features, precision, seed)
            maps.append(fmean(measure(scheme, data.benchmark, features).precisions.values()))
            sizes.append(_bytes_of(scheme))
        of_float32 = of_float32 or maps
        losses = [whole - rounded for whole, rounded in zip(of_float32, maps, strict=True)]
        rows.append(
            {
                "precision": str(precision),
                **sizes[0],
                "map": round(fmean(maps), DIGITS),
                "map_loss": round(fmean(losses), DIGITS),
                "largest_map_loss": round(max(losses), DIGITS),
                "indexes": len(maps),
            }
        )
    return rows


def _sizes(spec: SchemeSpec, features: BenchmarkFeatures, seed: int) -> list[Row]:
    """Bytes of each precision, from the sizes of the partitions: n_i = min(2^L, J_i).

    None where all partitions share one code, whose words do not grow with the database.
    """
    if spec.payload is not Payload.CODES:
        return []
    lists = partition(features.database, features.top_labels, features.num_labels, spec, seed)
    head_labels = head_labels_for(features.num_labels)
    fmt = scheme_format(
        PacketFormat(features.num_labels, head_labels), spec, lists.num_partitions, features.database.shape[1]
    )
    dim = -(-features.database.shape[1] // fmt.num_subvectors) * fmt.num_subvectors
    numbers = int(np.minimum(np.diff(lists.offsets), 1 << fmt.bits_per_subvector).sum()) * dim
    rest = 4 * fmt.num_partitions * dim + 8 * (fmt.num_partitions + 1)  # codewords and offsets
    scales = 4 * fmt.num_partitions * fmt.num_subvectors
    widths = {Precision.FLOAT32: 4, Precision.FLOAT16: 2, Precision.INT8: 1}
    return [
        {
            "precision": str(precision),
            "codebook_bytes": rest + width * numbers + (scales if precision is Precision.INT8 else 0),
            "words_bytes": width * numbers,
        }
        for precision, width in widths.items()
    ]


BENCH = Bench(
    "precision",
    "Precision of sub-codebooks: bytes and mAP.",
    PrecisionSettings,
    run,
    ("scheme", "precision", "database", "codebook_bytes", "map", "map_loss", "largest_map_loss"),
)
