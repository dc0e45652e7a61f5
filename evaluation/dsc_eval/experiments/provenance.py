"""Where results come from: data, versions, hardware, time and memory; no file paths."""

import hashlib
import os
import platform
import resource
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from importlib.resources import files
from pathlib import Path

from dsc_common.benchmark.ground_truth import Benchmark
from dsc_eval.features.benchmark_features import BenchmarkFeatures

PACKAGES = ("deep-semantic-coding", "numpy", "faiss-cpu", "onnxruntime", "torch")
CODE = ("dsc_common", "dsc_device", "dsc_channel", "dsc_server", "dsc_eval")
SHOWN_BY = ("plots", "tables")  # folders of what shows numbers, and changes none
BENCH = "bench"  # folder of what measures speed alone
_ROWS_AT_ONCE = 1 << 14
_CPU_INFO = Path("/proc/cpuinfo")


@dataclass(frozen=True)
class DataSource:
    """The data of an experiment.

    Attributes:
        name: of the data set.
        ground_truth_sha256: of the ground truth file, or of the queries of a published data set.
        features_sha256: of the features of database and queries, in order.
        queries: their number.
        database: real images.
        distractors: those of them that were added on the command line.
    """

    name: str
    ground_truth_sha256: str
    features_sha256: str
    queries: int
    database: int
    distractors: int


@dataclass(frozen=True)
class Stopwatch:
    """Wall time since it was made."""

    started: float = field(default_factory=time.monotonic)

    def seconds(self) -> float:
        """Since the start."""
        return time.monotonic() - self.started


def describe_data(
    benchmark: Benchmark,
    features: BenchmarkFeatures,
    ground_truth: str,
    distractors: int,
) -> DataSource:
    """The data of an experiment, by content."""
    digest = hashlib.sha256()
    for start in range(0, len(features.database), _ROWS_AT_ONCE):  # they may be larger than the memory
        digest.update(features.database[start : start + _ROWS_AT_ONCE].tobytes())
    for query in features.queries:
        digest.update(query.feature.tobytes())
    return DataSource(
        name=benchmark.name,
        ground_truth_sha256=_truth_hash(benchmark, Path(ground_truth)),
        features_sha256=digest.hexdigest(),
        queries=len(benchmark.queries),
        database=len(benchmark.database),
        distractors=distractors,
    )


def versions() -> dict[str, str | None]:
    """Versions of Python and of the packages that numbers depend on; None for one that is not installed."""
    versions_by_name: dict[str, str | None] = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            versions_by_name[name] = version(name)
        except PackageNotFoundError:
            versions_by_name[name] = None
    return versions_by_name


def code_hash(left_out: Sequence[str] = (*SHOWN_BY, BENCH), packages: Sequence[str] | None = None) -> str:
    """SHA-256 of the sources that numbers come from: one value for two runs of the same code.

    Args:
        left_out: folders of the packages whose code changes none of the numbers.
        packages: by name; all that numbers come from by default.
    """
    digest = hashlib.sha256()
    for name in CODE if packages is None else packages:
        folder = Path(str(files(name)))
        for path in sorted(path for path in folder.rglob("*") if path.suffix in (".py", ".toml")):
            if path.relative_to(folder).parts[0] in left_out:
                continue
            digest.update(f"{name}/{path.relative_to(folder).as_posix()}\n".encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()


def hardware() -> dict[str, object]:
    """CPU model, cores this process may use, memory in GiB."""
    pages, page_bytes = os.sysconf("SC_PHYS_PAGES"), os.sysconf("SC_PAGE_SIZE")
    return {
        "cpu": _cpu_model(),
        "machine": platform.machine(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_gib": round(pages * page_bytes / 2**30, 1),
    }


def peak_memory_bytes() -> int:
    """The largest resident set of this process so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _cpu_model() -> str:
    try:
        lines = _CPU_INFO.read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.processor() or "unknown"


def _truth_hash(benchmark: Benchmark, path: Path) -> str:
    if path.is_file():
        return hashlib.sha256(path.read_bytes()).hexdigest()
    digest = hashlib.sha256()
    for query in benchmark.queries:
        entry = (query.path.name, query.box, sorted(query.positives), sorted(query.junk), query.group)
        digest.update(repr(entry).encode())
    return digest.hexdigest()
