"""Fixtures of the evaluation's tests."""

import pytest

from dsc_eval.offline.benchmark_data import BenchmarkData
from helpers.small_benchmark import small_benchmark_data


@pytest.fixture(scope="session")
def data() -> BenchmarkData:
    """Twelve queries on ninety images with sixteen labels; no test changes it."""
    return small_benchmark_data()
