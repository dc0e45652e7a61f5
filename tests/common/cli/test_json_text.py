"""JSON of any values: ASCII, one line, read back as it was."""

import json
import math

from hypothesis import given
from hypothesis import strategies as st

from dsc_common.cli.json_text import to_json

TEXT = st.text(st.characters(codec=None))
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner) | st.dictionaries(TEXT, inner),
)


@given(VALUES)
def test_json_is_one_line_of_ascii_that_reads_back(value: object) -> None:
    line = to_json(value)
    assert line.isascii()
    assert "\n" not in line
    assert json.loads(line) == value


def refuse(constant: str) -> None:
    raise AssertionError(constant)


def test_numbers_that_json_lacks_are_text_at_any_depth() -> None:
    line = to_json({"a": [math.inf, {"b": -math.inf}], "c": (math.nan, 1.5)})
    assert json.loads(line, parse_constant=refuse) == {"a": ["inf", {"b": "-inf"}], "c": ["nan", 1.5]}
