"""Photos per second of a build's extraction, beside what the processor time of a photo allows.

A photo takes the processor time d to be decoded and scaled, and r in the network, each measured with one
photo after the other. No more than cores / (d + r) photos per second are possible, and cores / d with a GPU
that is fast enough; the efficiency is the fraction of that which the build's extraction reaches.
"""

import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from dsc_common.features.extractor import Extractor
from dsc_common.features.hardware import CPU, Hardware
from dsc_common.features.images import load_pixels
from dsc_common.progress import Track, untracked
from dsc_eval.bench.made_photos import KINDS, Kind, KindNames, write_photos
from dsc_eval.bench.threads import limited_threads
from dsc_eval.experiments.provenance import hardware
from dsc_eval.experiments.settings import MAX_SEEDS
from dsc_eval.output import Row, rounded
from dsc_server.building.extraction import extract_all
from dsc_server.building.photos import Photo
from dsc_server.building.tally import Tally

NAME = "extract"
DEFAULT_KINDS = ("jpeg-480px", "jpeg-12mp", "png-2mp")
THREADS = 1  # of a photo, as a build has them; one photo per core at a time
SHOWN = (
    *("kind", "width", "height", "photos", "per_second", "per_second_min", "per_second_max"),
    *("decode_cpu_ms", "network_cpu_ms", "cpu_ms", "limit", "efficiency"),
)


class ExtractSettings(BaseModel):
    """Settings of the benchmark.

    Attributes:
        photos: of each kind.
        kinds: kinds of photos.
        runs: number of times that everything is measured.
        seed: of the photos.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    photos: int = Field(
        default=64, ge=1, le=10_000, description="Photos of each kind; at least 16 per core. (default: 64)"
    )
    kinds: KindNames = Field(
        default=list(DEFAULT_KINDS), min_length=1, description=f"Kinds of photos: {', '.join(KINDS)}."
    )
    runs: int = Field(
        default=5, ge=1, le=1000, description="Number of runs that medians are taken over. (default: 5)"
    )
    seed: int = Field(default=0, ge=0, lt=MAX_SEEDS, description="Seed of the photos.")


@dataclass(frozen=True)
class Made:
    """Photos of one kind, and what was measured on them, a number for each run.

    Attributes:
        kind: of the photos.
        paths: their files.
        decode_s: processor seconds of a photo, decoded and scaled.
        network_s: processor seconds of a photo in the network.
        cpu_s: processor seconds of a photo in a build's extraction, all of its threads together.
        wall_s: seconds of a photo in a build's extraction: one by the photos per second.
    """

    kind: Kind
    paths: Sequence[Path]
    decode_s: list[float] = field(default_factory=list)
    network_s: list[float] = field(default_factory=list)
    cpu_s: list[float] = field(default_factory=list)
    wall_s: list[float] = field(default_factory=list)


def run(extractor: Extractor, settings: ExtractSettings, track: Track[Any] = untracked) -> Iterator[Row]:
    """One row per kind of photos."""
    with tempfile.TemporaryDirectory() as folder, limited_threads(THREADS):
        made = [
            Made(KINDS[name], write_photos(KINDS[name], settings.photos, settings.seed, Path(folder) / name))
            for name in track(settings.kinds, "making photos", len(settings.kinds))
        ]
        features_file = Path(folder) / "features.npy"
        for photos in made:
            _extract(extractor, photos.paths, features_file)  # warms up files and network
        passes = [(run, photos) for run in range(settings.runs) for photos in made]
        for _, photos in track(passes, "timing", len(passes)):
            _time_steps(extractor, photos)
            _time_build(extractor, photos, features_file)
        for photos in made:
            yield row_of(photos, _cores(), extractor.hardware)


def _time_steps(extractor: Extractor, photos: Made) -> None:
    """One photo after the other, in this thread."""
    decoding = in_network = 0.0
    for path in photos.paths:
        start = time.process_time()
        pixels = load_pixels(path, extractor.info.longest_side)
        decoded = time.process_time()
        extractor.run(pixels)
        decoding += decoded - start
        in_network += time.process_time() - decoded
    photos.decode_s.append(decoding / len(photos.paths))
    photos.network_s.append(in_network / len(photos.paths))


def _time_build(extractor: Extractor, photos: Made, features_file: Path) -> None:
    start, busy = time.perf_counter(), time.process_time()
    _extract(extractor, photos.paths, features_file)
    photos.wall_s.append((time.perf_counter() - start) / len(photos.paths))
    photos.cpu_s.append((time.process_time() - busy) / len(photos.paths))


def _extract(extractor: Extractor, paths: Sequence[Path], features_file: Path) -> None:
    """As a build does, without features of earlier builds."""
    found = [Photo(path.name, path) for path in paths]
    extract_all(found, extractor, features_file, Tally(_fail, strict=True))


def _fail(line: str) -> None:
    raise RuntimeError(line)


def _cores() -> int:
    return int(str(hardware()["cores"]))


def row_of(photos: Made, cores: int, hardware: Hardware = CPU) -> Row:
    """Medians over the runs; the efficiency is that of each run, and then the median.

    Args:
        photos: with at least one run.
        cores: that the extraction may use.
        hardware: of the network.
    """
    steps = np.add(photos.decode_s, photos.network_s if hardware == CPU else 0.0)
    rates = 1.0 / np.asarray(photos.wall_s)
    return {
        "kind": photos.kind.name,
        "width": photos.kind.width,
        "height": photos.kind.height,
        "file_kb": round(float(np.mean([path.stat().st_size for path in photos.paths])) / 1e3, 1),
        "photos": len(photos.paths),
        "per_second": rounded(np.median(rates)),
        "per_second_min": rounded(rates.min()),
        "per_second_max": rounded(rates.max()),
        "decode_cpu_ms": rounded(1e3 * np.median(photos.decode_s)),
        "network_cpu_ms": rounded(1e3 * np.median(photos.network_s)),
        "cpu_ms": rounded(1e3 * np.median(photos.cpu_s)),
        "network_on": hardware,
        "cores": cores,
        "limit": rounded(cores / np.median(steps)),
        "efficiency": rounded(np.median(rates * steps / cores)),
        "runs": len(photos.wall_s),
    }
