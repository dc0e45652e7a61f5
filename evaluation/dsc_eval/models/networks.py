"""Networks side by side: size, time and memory, closeness of features, and the mAP that queries lose.

The database is that of the first network, as an index with further networks has it; where another network
asks, rows for a database of that network follow, and another backbone has these only.
"""

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from dsc_common.benchmark.metrics import mean
from dsc_common.errors import DscError, InvalidInputError
from dsc_common.features.extractor import Extractor
from dsc_common.progress import Track, untracked
from dsc_eval.experiments.settings import MAX_SEEDS
from dsc_eval.features.benchmark_features import BenchmarkFeatures
from dsc_eval.measures.paired import paired_difference
from dsc_eval.offline.benchmark_data import BenchmarkData
from dsc_eval.offline.measuring import measure
from dsc_eval.offline.scheme import build_scheme, head_labels_for
from dsc_eval.output import Row, rounded
from dsc_eval.scheme_names import SchemeNames
from dsc_server.scheme_specs import parse_scheme

NAME = "networks"
SHOWN = (
    *("dataset", "scheme", "network", "database_network", "mAP", "loss", "loss_low", "loss_high"),
    *("cosine", "same_label", "size_mb", "network_cpu_ms", "peak_mb"),
)
DIGITS = 6


class NetworksSettings(BaseModel):
    """Settings of the benchmark.

    Attributes:
        schemes: that queries are asked with.
        photos: that are timed in each run.
        runs: of each network, one after the other.
        seed: of k-means, rotations, and the bootstrap.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    schemes: SchemeNames = Field(
        default=["exhaustive", "dsc"], min_length=1, description="Schemes. (default: exhaustive,dsc)"
    )
    photos: int = Field(
        default=50, ge=1, le=10_000, description="Photos that are timed in each run. (default: 50)"
    )
    runs: int = Field(
        default=5, ge=1, le=1000, description="Number of runs that medians are taken over. (default: 5)"
    )
    seed: int = Field(default=0, ge=0, lt=MAX_SEEDS, description="Seed of everything that is random.")


@dataclass(frozen=True)
class Network:
    """A network by name, its file, and what one process of it needed.

    Attributes:
        name: its precision, or the name of its file where two have the same.
        backbone: its name; features of two backbones cannot be compared.
        path: of the file.
        costs: columns of size, time and memory.
    """

    name: str
    backbone: str
    path: Path
    costs: Row


def names_of(paths: Sequence[Path]) -> list[str]:
    """Names of networks: their precisions, or the names of their files where two have the same precision."""
    precisions = [Extractor.from_file(path, threads=1).info.precision for path in paths]
    names = precisions if len(set(precisions)) == len(paths) else [path.stem for path in paths]
    if len(set(names)) < len(paths):
        raise InvalidInputError("expected networks in files of different names")
    return names


def networks_of(
    paths: Sequence[Path], photos: Sequence[Path], settings: NetworksSettings, track: Track[Any] = untracked
) -> list[Network]:
    """The networks with their costs; runs of all networks alternate.

    Args:
        paths: of the networks.
        photos: to choose the timed ones from, evenly.
        settings: of the benchmark.
        track: shows progress.
    """
    chosen = [photos[n] for n in np.linspace(0, len(photos) - 1, settings.photos).astype(int).tolist()]
    passes = [path for _ in range(settings.runs) for path in paths]
    runs: dict[Path, list[dict[str, Any]]] = {path: [] for path in paths}
    for path in track(passes, "timing", len(passes)):
        runs[path].append(_one_run(path, chosen))
    return [
        Network(name, Extractor.from_file(path, threads=1).info.backbone, path, _costs(path, runs[path]))
        for name, path in zip(names_of(paths), paths, strict=True)
    ]


def _one_run(network: Path, photos: Sequence[Path]) -> dict[str, Any]:
    command = [sys.executable, "-m", "dsc_eval.models.network_process", str(network), *map(str, photos)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise DscError(f"the network failed: {(done.stderr.splitlines() or ['no line'])[-1]}")
    run: dict[str, Any] = json.loads(done.stdout)
    return run


def _costs(path: Path, runs: Sequence[dict[str, Any]]) -> Row:
    """Medians over photos and runs; of the memory, over runs."""
    wall, cpu = (np.concatenate([run[key] for run in runs]) for key in ("ms", "cpu_ms"))
    return {
        "size_mb": rounded(path.stat().st_size / 1e6),
        "network_ms": rounded(np.median(wall)),
        "network_cpu_ms": rounded(np.median(cpu)),
        "network_cpu_ms_p90": rounded(np.quantile(cpu, 0.9)),
        "peak_mb": rounded(np.median([run["peak_bytes"] for run in runs]) / 1e6),
    }


def rows_of(
    networks: Sequence[Network], data: Sequence[BenchmarkData], settings: NetworksSettings
) -> Iterator[Row]:
    """One row per scheme, network that asks, and network of the database.

    Args:
        networks: the first is that of the database.
        data: of the same ground truth, with each network.
        settings: of the benchmark.
    """
    first = data[0]
    for scheme in settings.schemes:
        own = _precisions(scheme, first, first.features, settings.seed)
        for network, of_network in zip(networks, data, strict=True):
            databases = []
            if comparable := network.backbone == networks[0].backbone:
                mixed = replace(first.features, queries=of_network.features.queries)
                databases.append((networks[0], mixed))
            if network is not networks[0]:
                databases.append((network, of_network.features))
            for database, features in databases:
                found = _precisions(scheme, first, features, settings.seed)
                compared = paired_difference(own, found, settings.seed, first.groups())
                interval = compared.interval
                yield {
                    "dataset": first.benchmark.name,
                    "scheme": scheme,
                    "network": network.name,
                    "backbone": network.backbone,
                    "database_network": database.name,
                    "mAP": round(mean(found), DIGITS),
                    "loss": round(interval.mean, DIGITS),
                    "loss_low": round(interval.low, DIGITS),
                    "loss_high": round(interval.high, DIGITS),
                    "p": round(compared.p, DIGITS),
                    "queries": len(found),
                    "database": len(first.features.database),
                    **(closeness(first.features, of_network.features) if comparable else {}),
                    **network.costs,
                }


def _precisions(scheme: str, data: BenchmarkData, features: BenchmarkFeatures, seed: int) -> list[float]:
    built = build_scheme(parse_scheme(scheme), features, head_labels_for(features.num_labels), seed)
    return list(measure(built, data.benchmark, features).precisions.values())


def closeness(first: BenchmarkFeatures, other: BenchmarkFeatures) -> Row:
    """How close features and labels of two networks are, over the database and the queries."""
    cosines = np.einsum("nf,nf->n", _features(first), _features(other))
    return {
        "cosine": round(float(cosines.mean()), DIGITS),
        "cosine_min": round(float(cosines.min()), DIGITS),
        "same_label": round(float((first.labels == other.labels).mean()), DIGITS),
    }


def _features(features: BenchmarkFeatures) -> NDArray[np.float32]:
    return np.concatenate([features.database, np.stack([each.feature for each in features.queries])])
