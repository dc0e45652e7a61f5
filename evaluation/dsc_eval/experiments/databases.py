"""Databases of an experiment: the real one, and the real one with simulated images."""

from collections.abc import Iterator, Sequence

from pydantic import BaseModel, Field, field_validator

from dsc_eval.experiments.settings import SIMULATE_HELP, ExperimentSettings
from dsc_eval.features.benchmark_features import BenchmarkFeatures
from dsc_eval.offline.benchmark_data import BenchmarkData
from dsc_eval.offline.simulate import with_simulated
from dsc_eval.output import Row


class SimulatedSizes(BaseModel):
    """Settings of what may fill up the database.

    Attributes:
        simulate: numbers of simulated images, a database each; 0 is the real one.
    """

    simulate: list[int] = Field(
        default=[0],
        min_length=1,
        description="Numbers of simulated images added, a database each; 0 is the real one; "
        f"{SIMULATE_HELP}.",
    )

    @field_validator("simulate")
    @classmethod
    def _numbers(cls, simulate: list[int]) -> list[int]:
        if min(simulate) < 0:
            raise ValueError(f"expected at least 0 simulated images, got {min(simulate)}")
        return list(dict.fromkeys(simulate))  # each is measured once


class DatabaseSettings(SimulatedSizes, ExperimentSettings):
    """Settings of an experiment that may fill up the database.

    Attributes:
        exhaustive_queries: queries asked where raw features are compared with all of a large database.
    """

    exhaustive_queries: int = Field(default=40, ge=1)


def databases(
    data: BenchmarkData, sizes: Sequence[int], seed: int
) -> Iterator[tuple[BenchmarkFeatures, Row]]:
    """Features of each database, and its size as columns of a row."""
    for simulated in sizes:
        features = with_simulated(data.features, simulated, seed)
        yield features, {"database": len(features.database), "simulated": simulated}
