"""The catalogue as JSON lines: the round trip, and what is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsc_common.errors import DamagedIndexError
from dsc_server.index.catalogue import CatalogueImage, catalogue_from_bytes, catalogue_to_bytes

image = st.builds(CatalogueImage, st.text(), st.text(), st.integers(0, 999))
images = st.dictionaries(st.integers(0, 2**40), image, max_size=8)


@given(images)
def test_round_trip_of_any_names_and_rows(catalogue: dict[int, CatalogueImage]) -> None:
    data = catalogue_to_bytes(catalogue)
    assert data.count(b"\n") == len(catalogue)
    assert catalogue_from_bytes(data) == catalogue


def test_lines_of_format_4_have_no_row_and_are_counted() -> None:
    lines = b'{"id": "a", "uri": "b", "label": 1}\n{"id": "c", "uri": "d", "label": 2}\n'
    assert catalogue_from_bytes(lines) == {0: CatalogueImage("a", "b", 1), 1: CatalogueImage("c", "d", 2)}


@pytest.mark.parametrize(
    "line",
    [
        b"x",
        b"{}",
        b"[]",
        b"7",
        b'{"id": "a", "uri": "b"}',
        b'{"id": "a", "uri": "b", "label": 1, "x": 2}',
        b'{"row": 0, "id": "a", "uri": "b", "label": 1}',
        b'{"row": -1, "id": "a", "uri": "b", "label": 1}',
        b'{"row": "7", "id": "a", "uri": "b", "label": 1}',
        b"\xff",
    ],
)
def test_a_line_that_is_no_image_is_refused_by_its_number(line: bytes) -> None:
    good = catalogue_to_bytes({0: CatalogueImage("a", "b", 1)})
    with pytest.raises(DamagedIndexError, match=r"^C is damaged: line 2: [^\n]*$"):
        catalogue_from_bytes(good + line + b"\n", "C")
