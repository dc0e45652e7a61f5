"""A benchmark of speed: its name, settings, and the function that makes its rows."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import AfterValidator, ConfigDict, Field

from dsc_common.radio.link import LinkSettings
from dsc_eval.experiments.databases import SimulatedSizes
from dsc_eval.experiments.settings import MAX_SEEDS
from dsc_eval.offline.benchmark_data import BenchmarkData
from dsc_eval.output import Row

MAX_THREADS = 1024


def _points(values: list[float]) -> list[float]:
    """SNRs that a link can have, each once."""
    for snr_db in values:
        LinkSettings(snr_db=snr_db)
    return list(dict.fromkeys(values))


SnrPoints = Annotated[list[float], AfterValidator(_points)]


class BenchSettings(SimulatedSizes):
    """Settings of every benchmark; one with a description is an option of the benchmark's command.

    Attributes:
        runs: number of times that everything is measured.
        threads: of NumPy's BLAS, of Faiss, and of all else that has a pool of threads.
        seed: seed of k-means, rotations, simulated images and noise.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    runs: int = Field(
        default=5, ge=1, le=1000, description="Number of runs that medians are taken over. (default: 5)"
    )
    threads: int = Field(
        default=1, ge=1, le=MAX_THREADS, description="Threads of NumPy and Faiss alike. (default: 1)"
    )
    seed: int = Field(default=0, ge=0, lt=MAX_SEEDS, description="Seed of everything that is random.")


@dataclass(frozen=True)
class Bench:
    """A benchmark on the data of a ground truth.

    Attributes:
        name: of the command `dsc-eval bench NAME`.
        help: one line for `--help`.
        settings: the type of its settings.
        run: makes its rows.
        shown: columns that the command prints.
    """

    name: str
    help: str
    settings: type[BenchSettings]
    run: Callable[[BenchmarkData, Any], Iterator[Row]]
    shown: Sequence[str]
