"""Steps beyond the paper at the same 47 bytes, one at a time, without noise."""

from collections.abc import Iterator

from dsc_eval.experiments import table1
from dsc_eval.experiments.databases import DatabaseSettings
from dsc_eval.experiments.experiment import Experiment
from dsc_eval.offline.benchmark_data import BenchmarkData
from dsc_eval.output import Row

COLUMNS = table1.COLUMNS


def run(data: BenchmarkData, settings: DatabaseSettings) -> Iterator[Row]:
    """One row of `COLUMNS` per database and scheme: Table I for the steps."""
    yield from table1.run(data, settings)


EXPERIMENT = Experiment(
    name="beyond",
    help="Steps beyond the paper at the same 47 bytes, without noise.",
    columns=COLUMNS,
    settings=DatabaseSettings,
    run=run,
    shown=table1.SHOWN,
    compared=("scheme",),
    condition=("database", "simulated"),
)
