"""Every test of ranking runs with compiled loops and with array operations."""

from collections.abc import Iterator

import pytest

from helpers.kernels import KINDS, ranked_with


@pytest.fixture(scope="module", params=list(KINDS), autouse=True)
def either_kernels(request: pytest.FixtureRequest) -> Iterator[None]:
    with ranked_with(request.param):
        yield
