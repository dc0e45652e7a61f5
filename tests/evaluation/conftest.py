"""Fixtures of the evaluation's tests."""

import pytest
from tests.small_material import small_material

from dsc_eval.experiments.databases import Material


@pytest.fixture(scope="session")
def material() -> Material:
    """Twelve queries on ninety images with sixteen labels; no test changes it."""
    return small_material()
