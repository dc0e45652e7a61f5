"""The catalogue as JSON lines: the round trip, and what is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsc_common.errors import DamagedIndexError
from dsc_server.index.catalogue import CatalogueImage, catalogue_from_bytes, catalogue_to_bytes

images = st.lists(st.builds(CatalogueImage, st.text(), st.text(), st.integers(0, 999)), max_size=8)


@given(images)
def test_round_trip_of_any_names(catalogue: list[CatalogueImage]) -> None:
    data = catalogue_to_bytes(catalogue)
    assert data.count(b"\n") == len(catalogue)
    assert catalogue_from_bytes(data) == catalogue


@pytest.mark.parametrize(
    "line",
    [
        b"x",
        b"{}",
        b"[]",
        b"7",
        b'{"id": "a", "uri": "b"}',
        b'{"id": "a", "uri": "b", "label": 1, "x": 2}',
        b"\xff",
    ],
)
def test_a_line_that_is_no_image_is_refused_by_its_number(line: bytes) -> None:
    good = catalogue_to_bytes([CatalogueImage("a", "b", 1)])
    with pytest.raises(DamagedIndexError, match=r"^C is damaged: line 2: [^\n]*$"):
        catalogue_from_bytes(good + line + b"\n" + good, "C")
