"""Fixtures of the evaluation's tests."""

import pytest

from dsc_eval.offline.material import Material
from helpers.small_material import small_material


@pytest.fixture(scope="session")
def material() -> Material:
    """Twelve queries on ninety images with sixteen labels; no test changes it."""
    return small_material()
