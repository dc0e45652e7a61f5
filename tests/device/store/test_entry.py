"""A query as a row and back: in half precision, with a checksum over all of it."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsc_common.errors import InvalidInputError
from dsc_common.features.extraction import Extraction
from dsc_common.radio.link import Fading, LinkChoice
from dsc_common.radio.modes import Mode
from dsc_common.retrieval.options import Policy, Ranking, RetrievalOptions
from dsc_device.store.choices import choices_from_json, choices_to_json
from dsc_device.store.entry import Entry, entry_from_row, entry_to_row, halved
from helpers.queued import entry_of

CHOICES = [
    (LinkChoice(), RetrievalOptions()),
    (
        LinkChoice(mode=Mode.QPSK, snr_db=math.inf, seed=7, fading=Fading.RAYLEIGH, channel_knowledge=False),
        RetrievalOptions(3, Ranking.COSINE, "hard", Policy.RESEND, 0.25),
    ),
]


@pytest.mark.parametrize(("link", "options"), CHOICES)
def test_choices_come_back(link: LinkChoice, options: RetrievalOptions) -> None:
    assert choices_from_json(choices_to_json(link, options)) == (link, options)


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"link": {"mode": "morse"}, "retrieval": {}}', '{"link": 1}']
)
def test_other_text_is_refused(text: str) -> None:
    with pytest.raises(InvalidInputError, match="expected link settings and retrieval options, got"):
        choices_from_json(text)


@given(st.text(st.characters(codec="utf-8"), max_size=20), st.booleans(), st.sampled_from(CHOICES))
def test_a_row_is_its_entry(name: str, has_path: bool, choices: tuple[LinkChoice, RetrievalOptions]) -> None:
    entry = replace(
        entry_of(name, "an id", Path("/photos/a.jpg") if has_path else None),
        link=choices[0],
        options=choices[1],
    )
    found = entry_from_row(entry_to_row(entry))
    assert found is not None
    for field in Entry.__dataclass_fields__:
        if field != "extraction":
            assert getattr(found, field) == getattr(entry, field)
    half = halved(entry.extraction)
    assert found.extraction.feature.tobytes() == half.feature.tobytes()
    assert found.extraction.probabilities.tobytes() == half.probabilities.tobytes()


def test_a_name_that_is_no_text_comes_back() -> None:
    found = entry_from_row(entry_to_row(entry_of("no text \udcff.jpg", "an id")))
    assert found is not None
    assert found.name == "no text \udcff.jpg"


def test_every_altered_value_is_noticed() -> None:
    row = list(entry_to_row(entry_of("a", "an id", Path("/a"))))
    for place, value in enumerate(row):
        altered = row.copy()
        altered[place] = value + 1 if isinstance(value, int) else value[:-1] + type(value)(value[:1])
        if altered != row:
            assert entry_from_row(tuple(altered)) is None, place


def test_halves_are_float16_and_a_feature_of_unit_length() -> None:
    rng = np.random.default_rng(1)
    feature = rng.standard_normal(40).astype(np.float32)
    feature /= np.linalg.norm(feature)
    probabilities = rng.random(9).astype(np.float32)
    half = halved(Extraction(feature, probabilities))
    rounded = feature.astype(np.float16).astype(np.float32)
    np.testing.assert_allclose(half.feature, rounded / np.linalg.norm(rounded), rtol=1e-6)
    assert np.array_equal(half.probabilities, probabilities.astype(np.float16).astype(np.float32))
