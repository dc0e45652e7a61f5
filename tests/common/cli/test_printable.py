"""Names of any origin are one printable line, and as they are where nothing is unsafe."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsc_common.cli.printable import printable, shortened

ANYTHING = st.text(st.characters(codec=None))  # lone surrogates too


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("red \x1b[31m.jpg", r"red \x1b[31m.jpg"),
        ("two\nlines\r\t.jpg", r"two\nlines\r\t.jpg"),
        ("bell \x07, csi \x9b31m, del \x7f, nul \0", r"bell \x07, csi \x9b31m, del \x7f, nul \x00"),
        ("exe\u202egpj.jpg", r"exe\u202egpj.jpg"),
        ("isolate \u2066, mark \u200f, bom \ufeff", r"isolate \u2066, mark \u200f, bom \ufeff"),
        ("line \u2028, paragraph \u2029, next \x85", r"line \u2028, paragraph \u2029, next \x85"),
        ("byte \udcff, half \ud83d", r"byte \xff, half \ud83d"),
        ("tag \U000e0041", r"tag \U000e0041"),
        (
            "back\\slash, 中, ü, e\u0301, 👩\u200d🔬, \u00a0",
            "back\\slash, 中, ü, e\u0301, 👩\u200d🔬, \u00a0",
        ),
    ],
)
def test_unsafe_characters_are_escapes(name: str, shown: str) -> None:
    assert printable(name) == shown


@given(ANYTHING)
def test_any_text_is_one_line_without_controls(text: str) -> None:
    shown = printable(text)
    assert len(f"{shown}\n".splitlines()) == 1
    assert not {unicodedata.category(character) for character in shown} & {"Cc", "Cs", "Zl", "Zp"}
    shown.encode()
    assert printable(shown) == shown


@given(ANYTHING, st.integers(5, 50))
def test_a_long_text_keeps_its_ends(text: str, most: int) -> None:
    short = shortened(text, most)
    if len(text) <= most:
        assert short == text
        return
    cut = (most - 2) // 2
    assert (len(short), short[cut : cut + 3]) == (most, " … ")
    assert text.startswith(short[:cut])
    assert text.endswith(short[cut + 3 :])
