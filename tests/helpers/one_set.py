"""An experiment on one data set."""

from pathlib import Path

from dsc_eval.experiments.running import run_on_sets
from dsc_eval.experiments.settings import ExperimentSettings
from dsc_eval.offline.benchmark_data import BenchmarkData, Provenance
from dsc_eval.output import Row


def run_experiment(
    name: str,
    data: BenchmarkData,
    settings: ExperimentSettings,
    provenance: Provenance,
    out: Path,
    file_name: str | None = None,
    *,
    append: bool = False,
) -> list[Row]:
    """`run_on_sets` of one data set."""
    return run_on_sets(name, [(data, provenance)], settings, out, file_name, append=append)
