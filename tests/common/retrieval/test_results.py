"""How many results may be asked for."""

import pytest

from dsc_common.errors import InvalidInputError
from dsc_common.retrieval.options import RetrievalOptions


@pytest.mark.parametrize("top", [0, -1, 10_001])
def test_a_number_out_of_range_is_refused(top: int) -> None:
    with pytest.raises(InvalidInputError, match=f"^expected top from 1 to 10000, got {top}$"):
        RetrievalOptions(top=top)


@pytest.mark.parametrize("top", [1, 10_000])
def test_the_ends_of_the_range_are_taken(top: int) -> None:
    assert RetrievalOptions(top=top).top == top
    assert RetrievalOptions(top=top).ranking is None  # whatever the index was built for


@pytest.mark.parametrize("threshold", [-0.1, 1.1, float("nan")])
def test_a_threshold_that_no_confidence_reaches_is_refused(threshold: float) -> None:
    with pytest.raises(InvalidInputError, match=r"^expected a confidence threshold from 0 to 1, got "):
        RetrievalOptions(confidence_threshold=threshold)
