"""A device's photo by step, its start, and its memory; and the coding of a feature by itself.

Server, channel and device are processes; the device has one core and one thread. Its cache is warm: the
first run of an index, which downloads, is not measured.
"""

import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from pydantic import Field

from dsc_common.codebook.codebook import Codebook
from dsc_common.codebook.manifest import Manifest
from dsc_common.features.extraction import Extraction
from dsc_common.features.extractor import STEPS
from dsc_device.encoder_kit import EncoderKit
from dsc_eval.bench.bench import BenchSettings
from dsc_eval.bench.device_process import DeviceRun, run_device
from dsc_eval.bench.made_photos import KINDS, Kind, KindNames, write_photos
from dsc_eval.bench.memory_group import memory_group
from dsc_eval.bench.threads import limited_threads
from dsc_eval.experiments.databases import databases
from dsc_eval.load.cores import assigned, available_cores
from dsc_eval.load.served_index import write_index
from dsc_eval.load.services import running_service
from dsc_eval.offline.benchmark_data import BenchmarkData
from dsc_eval.output import Row, rounded
from dsc_eval.scheme_names import SchemeNames
from dsc_server.index.files import read_index

NAME = "device"
PHOTOS = ("jpeg-480px", "jpeg-1mp", "jpeg-12mp", "jpeg-12mp-fine")
TIMES = ("hash", *STEPS, "encode", "wait", "server")  # of a photo, one after the other
SHOWN = (
    *("scheme", "database", "kind", "file_kb", "start_s", "peak_mb"),
    *(f"{step}_ms" for step in TIMES),
    *("photo_ms", "coding_ms", "coding_new_ms"),
)


class DeviceBenchSettings(BenchSettings):
    """Settings of the benchmark.

    Attributes:
        schemes: of the indices.
        kinds: kinds of photos.
        photos: of each kind in a run.
        memory_mb: limit of the device's memory, in MB of 10^6 bytes.
    """

    schemes: SchemeNames = Field(
        default=["dsc", "dsc-pq"], min_length=1, description="Schemes. (default: dsc,dsc-pq)"
    )
    kinds: KindNames = Field(
        default=list(PHOTOS), min_length=1, description=f"Kinds of photos: {', '.join(KINDS)}."
    )
    photos: int = Field(
        default=20, ge=1, le=10_000, description="Photos of each kind in a run. (default: 20)"
    )
    memory_mb: int | None = Field(
        default=None, ge=16, description="Limit of the device's memory, in MB; needs root. (default: none)"
    )


@dataclass(frozen=True)
class Sent:
    """Photos of one kind, and the runs of a device that sent them.

    Attributes:
        kind: of the photos.
        paths: their files.
        runs: one after the other.
        group_peaks: bytes of the control group in each run, with the files that were read; none without one.
    """

    kind: Kind
    paths: Sequence[Path]
    runs: list[DeviceRun] = field(default_factory=list)
    group_peaks: list[int] = field(default_factory=list)


def run(data: BenchmarkData, settings: DeviceBenchSettings, model: Path) -> Iterator[Row]:
    """One row per database, scheme and kind of photos.

    Args:
        data: database and queries.
        settings: of the benchmark.
        model: the exported network.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        photos = {
            kind: write_photos(KINDS[kind], settings.photos, settings.seed, folder / kind)
            for kind in settings.kinds
        }
        for features, size in databases(data, settings.simulate, settings.seed):
            for scheme in settings.schemes:
                with tempfile.TemporaryDirectory(dir=folder) as place:
                    index = Path(place) / "index"
                    with limited_threads(settings.threads):
                        write_index(features, index, scheme, settings.seed, model)
                    sent = [Sent(KINDS[kind], paths) for kind, paths in photos.items()]
                    _send(index, sent, settings, Path(place) / "cache", data)
                    coding = coding_columns(index, data.features.queries, settings)
                for each in sent:
                    yield {"scheme": scheme, **size, **row_of(each), **coding, **data.source}


def _send(
    index: Path, sent: Sequence[Sent], settings: DeviceBenchSettings, cache: Path, data: BenchmarkData
) -> None:
    cores = assigned(available_cores())
    core = min(cores.generator)  # not one of the services, where there are two
    with ExitStack() as stack:
        server = stack.enter_context(running_service("dsc_server", "--index", index, cores=cores.server))
        channel = stack.enter_context(
            running_service("dsc_channel", "--server", server.address, cores=cores.channel)
        )
        for each in sent:
            run_device(each.paths, server.address, channel.address, cache, core)  # fills the cache
        passes = [(number, each) for number in range(settings.runs) for each in sent]
        for _, each in data.track(passes, "sending", len(passes)):
            limit = settings.memory_mb
            with nullcontext() if limit is None else memory_group(limit * 10**6) as group:
                each.runs.append(run_device(each.paths, server.address, channel.address, cache, core, group))
                if group is not None:
                    each.group_peaks.append(group.peak_bytes())


def row_of(sent: Sent) -> Row:
    """Medians over photos and runs, in milliseconds; of the start and of the memory, over runs."""
    by_run = [[_times(answer["timings_ms"]) for answer in each.answers] for each in sent.runs]
    times = [time for each in by_run for time in each]
    whole = [np.median([sum(time.values()) for time in each]) for each in by_run]
    peaks = [each.peak_bytes / 1e6 for each in sent.runs]
    starts = [each.first_answer_s for each in sent.runs]
    row: Row = {
        "kind": sent.kind.name,
        "width": sent.kind.width,
        "height": sent.kind.height,
        "file_kb": round(float(np.mean([path.stat().st_size for path in sent.paths])) / 1e3, 1),
        "photos": len(sent.paths),
        "runs": len(sent.runs),
        "start_s": rounded(np.median(starts)),
        "start_s_max": rounded(max(starts)),
        "peak_mb": rounded(np.median(peaks)),
        "peak_mb_max": rounded(max(peaks)),
        **{f"{step}_ms": rounded(np.median([time[step] for time in times])) for step in TIMES},
        "photo_ms": rounded(np.median([sum(time.values()) for time in times])),
        "photo_ms_min": rounded(min(whole)),
        "photo_ms_max": rounded(max(whole)),
    }
    if sent.group_peaks:
        row["group_peak_mb"] = rounded(max(sent.group_peaks) / 1e6)
    return row


def _times(timings_ms: dict[str, float]) -> dict[str, float]:
    """Times that add up to that of a photo: `wait` is the round trip without the server's work."""
    waited = timings_ms["round_trip"] - timings_ms["server"]
    return {step: waited if step == "wait" else timings_ms[step] for step in TIMES}


def coding_columns(index: Path, queries: Sequence[Extraction], settings: DeviceBenchSettings) -> Row:
    """From a feature to the bytes of a packet; `new`: its partitions were not used before."""
    loaded = read_index(index)
    manifest, codebook = loaded.manifest.offer(), loaded.index.codebook
    columns: Row = {}
    with limited_threads(settings.threads):
        for name, known in (("coding_ms", True), ("coding_new_ms", False)):
            times = [
                _coding_s(manifest, codebook, query, known=known)
                for _ in range(settings.runs)
                for query in queries
            ]
            columns[name] = rounded(1e3 * np.median(times))
            columns[f"{name}_p90"] = rounded(1e3 * np.quantile(times, 0.9))
    return columns


def _coding_s(manifest: Manifest, codebook: Codebook, query: Extraction, *, known: bool) -> float:
    """Seconds from a feature to the bytes of a packet, with a codebook that was just loaded."""
    kit = EncoderKit(manifest, replace(codebook), None)
    if known:
        kit.pack(query)
    begun = time.perf_counter()
    kit.pack(query)
    return time.perf_counter() - begun
