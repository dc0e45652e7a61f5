"""Schemes by name: what each is, every change, and what is refused in one line."""

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsc_common.codebook.manifest import HeadRule
from dsc_common.errors import InvalidInputError
from dsc_common.packet.format import HeadCodec, Payload
from dsc_common.retrieval.options import Ranking
from dsc_server.scheme_specs import (
    DEFAULT_SCHEME,
    SCHEMES,
    Partitioning,
    SchemeSpec,
    parse_scheme,
)

# name: partitioning, payload, ranking, M, K, spill, D, augmentation, expansion, probes; as Table I,
# Fig. 2 and beyond
SAID = {
    "dsc": (Partitioning.LABEL, Payload.CODE, Ranking.ESTIMATE, 40, 1000, 5, 200, 10, 5, 20),
    "dsc-shared": (Partitioning.LABEL, Payload.CODE, Ranking.ESTIMATE, 40, 1000, 1, 200, 0, 0, 0),
    "dsc-pq": (Partitioning.LABEL, Payload.CODES, Ranking.SQUARED_DISTANCE, 0, 1000, 1, 0, 0, 0, 0),
    "dsc-raw": (Partitioning.LABEL, Payload.FEATURE, Ranking.ESTIMATE, 0, 1000, 1, 0, 0, 0, 0),
    "duc-ivf-pq": (Partitioning.KMEANS, Payload.CODES, Ranking.SQUARED_DISTANCE, 0, 1000, 1, 0, 0, 0, 0),
    "duc-ivf-raw": (Partitioning.KMEANS, Payload.FEATURE, Ranking.ESTIMATE, 0, 1000, 1, 0, 0, 0, 0),
    "duc-imi-pq": (Partitioning.MULTI_INDEX, Payload.CODES, Ranking.SQUARED_DISTANCE, 0, 1024, 1, 0, 0, 0, 0),
    "duc-imi-raw": (Partitioning.MULTI_INDEX, Payload.FEATURE, Ranking.ESTIMATE, 0, 1024, 1, 0, 0, 0, 0),
    "duc-gp-raw": (Partitioning.GROUPED, Payload.FEATURE, Ranking.ESTIMATE, 0, 1000, 1, 0, 0, 0, 0),
    "duc-pq": (Partitioning.NONE, Payload.CODES, Ranking.SQUARED_DISTANCE, 40, 1, 1, 0, 0, 0, 0),
    "exhaustive": (Partitioning.NONE, Payload.FEATURE, Ranking.ESTIMATE, 0, 1, 1, 0, 0, 0, 0),
    "analog-pca": (Partitioning.NONE, Payload.FEATURE, Ranking.ESTIMATE, 0, 1, 1, 376, 0, 0, 0),
    "hybrid": (Partitioning.LABEL, Payload.FEATURE, Ranking.ESTIMATE, 0, 1, 5, 160, 10, 5, 20),
}


def numbers(spec: SchemeSpec) -> tuple[object, ...]:
    return (
        spec.partitioning,
        spec.payload,
        spec.ranking,
        spec.num_subvectors,
        spec.num_cells,
        spec.spill,
        spec.projection_dim,
        spec.augmentation,
        spec.expansion,
        spec.probes,
    )


def test_the_names_are_those_that_were_promised() -> None:
    assert set(SCHEMES) == set(SAID)
    assert DEFAULT_SCHEME == "dsc" == next(iter(SCHEMES))


@pytest.mark.parametrize("name", SCHEMES)
def test_each_name_is_what_it_says(name: str) -> None:
    spec = parse_scheme(name)
    assert spec is SCHEMES[name] or spec == SCHEMES[name]
    assert spec.name == name
    assert numbers(spec) == SAID[name]
    assert (spec.sequential, spec.ordered, spec.scrambled, spec.codec) == (False, True, False, None)
    assert (spec.head_rule is HeadRule.LABELS) == (name.startswith("dsc") or name == "hybrid")
    assert spec.keeps_features == (not name.endswith("-pq"))
    headless = name in ("duc-pq", "exhaustive", "analog-pca")
    for codec in HeadCodec:
        assert spec.head_codec(codec) is (HeadCodec.ZERO if headless else codec)


CHANGES = {
    "dsc-pq+spill=3": {"spill": 3},
    "dsc-pq+M=16": {"num_subvectors": 16},
    "duc-ivf-pq+K=12": {"num_cells": 12},
    "duc-gp-raw+K=12": {"num_cells": 12},
    "duc-imi-pq+K=16+spill=2": {"num_cells": 16, "spill": 2},
    "dsc+augmentation=0+expansion=0": {"augmentation": 0, "expansion": 0},
    "dsc-raw+augmentation=7": {"augmentation": 7},
    "exhaustive+expansion=3": {"expansion": 3},
    "dsc-pq+fused": {"ranking": Ranking.ESTIMATE},
    "dsc-pq+cosine": {"ranking": Ranking.COSINE},
    "dsc-pq+squared-distance": {},
    "dsc-shared+fused": {},
    "dsc-pq+sequential": {"sequential": True},
    "dsc-pq+medoid": {"medoid": True},
    "duc-pq+M=8+fused": {"num_subvectors": 8, "ranking": Ranking.ESTIMATE},
    "dsc-pq+expansion=5+fused": {"expansion": 5, "ranking": Ranking.ESTIMATE},
    "dsc-pq+spill=3+fused+sequential": {"spill": 3, "ranking": Ranking.ESTIMATE, "sequential": True},
}


@pytest.mark.parametrize(("text", "changed"), CHANGES.items(), ids=CHANGES.keys())
def test_what_is_changed_is_changed_and_nothing_else(text: str, changed: dict[str, object]) -> None:
    original = SCHEMES[text.split("+", maxsplit=1)[0]]
    assert parse_scheme(text) == replace(original, name=text, **changed)  # type: ignore[arg-type]


@given(st.permutations(["spill=3", "fused", "sequential", "M=4", "expansion=2"]))
def test_the_order_of_changes_is_free(changes: list[str]) -> None:
    found = parse_scheme("+".join(["dsc-pq", *changes]))
    assert replace(found, name="x") == SchemeSpec(
        "x",
        Partitioning.LABEL,
        Payload.CODES,
        Ranking.ESTIMATE,
        num_subvectors=4,
        spill=3,
        sequential=True,
        expansion=2,
    )


@pytest.mark.parametrize("spill", [1, 10])
def test_the_ends_of_the_spill_are_taken(spill: int) -> None:
    assert parse_scheme(f"dsc+spill={spill}").spill == spill


NAMES = ", ".join(SCHEMES)
REFUSED = {
    "": f"unknown scheme ''; expected one of {NAMES}",
    "DSC": f"unknown scheme 'DSC'; expected one of {NAMES}",
    "dsc ": f"unknown scheme 'dsc '; expected one of {NAMES}",
    "+spill=3": f"unknown scheme ''; expected one of {NAMES}",
    "dsc-pq+": "unknown change '' in scheme 'dsc-pq+'",
    "dsc-pq+spill": "unknown change 'spill' in scheme 'dsc-pq+spill'",
    "dsc-pq+spill=": "unknown change 'spill=' in scheme 'dsc-pq+spill='",
    "dsc-pq+spill=-1": "unknown change 'spill=-1' in scheme 'dsc-pq+spill=-1'",
    "dsc-pq+spill=1.5": "unknown change 'spill=1.5' in scheme 'dsc-pq+spill=1.5'",
    "dsc-pq+spill=1234567": "unknown change 'spill=1234567' in scheme 'dsc-pq+spill=1234567'",
    "dsc-pq+k=3": "unknown change 'k=3' in scheme 'dsc-pq+k=3'",
    "dsc-pq+sequential=1": "unknown change 'sequential=1' in scheme 'dsc-pq+sequential=1'",
    "dsc-pq+best": "unknown change 'best' in scheme 'dsc-pq+best'",
    "dsc-pq+projection_dim=3": "unknown change 'projection_dim=3' in scheme 'dsc-pq+projection_dim=3'",
    "dsc-pq+spill=0": "expected a spill from 1 to 10, got 0",
    "dsc-pq+spill=11": "expected a spill from 1 to 10, got 11",
    "duc-ivf-pq+K=0": "expected K (cells) from 1, got 0",
    "dsc-pq+M=0": "expected M (sub-vectors) from 1 in scheme 'dsc-pq+M=0', got 0",
    "duc-pq+M=00": "expected M (sub-vectors) from 1 in scheme 'duc-pq+M=00', got 0",
    "duc-imi-pq+K=10": "expected K (cells) of two halves to be a square, got 10",
    "duc-gp-raw+spill=2": "expected spill 1 with grouped cells",
    "dsc+cosine": "expected the ranking estimate with a code payload, got cosine",
    "dsc-shared+squared-distance": "expected the ranking estimate with a code payload, got squared-distance",
    "dsc-raw+cosine": "expected the ranking estimate with a feature payload, got cosine",
    "exhaustive+squared-distance": (
        "expected the ranking estimate with a feature payload, got squared-distance"
    ),
    "dsc+sequential": "expected a codes payload for sequential codes, got code",
    "dsc-raw+sequential": "expected a codes payload for sequential codes, got feature",
    "dsc-pq+K=500": "K changes nothing in scheme 'dsc-pq+K=500'",
    "duc-pq+K=5": "K changes nothing in scheme 'duc-pq+K=5'",
    "dsc-raw+M=4": "M changes nothing in scheme 'dsc-raw+M=4'",
    "exhaustive+spill=2": "spill changes nothing in scheme 'exhaustive+spill=2'",
    "dsc-pq+augmentation=5": "augmentation changes nothing in scheme 'dsc-pq+augmentation=5'",
    "dsc+medoid": "medoid changes nothing in scheme 'dsc+medoid'",
    "dsc-raw+medoid": "medoid changes nothing in scheme 'dsc-raw+medoid'",
    "duc-ivf-pq+medoid": "medoid changes nothing in scheme 'duc-ivf-pq+medoid'",
    "duc-pq+expansion=5": "expansion changes nothing in scheme 'duc-pq+expansion=5'",
}


@pytest.mark.parametrize(("text", "line"), REFUSED.items(), ids=REFUSED.keys())
def test_what_cannot_be_is_refused_in_one_line(text: str, line: str) -> None:
    with pytest.raises(InvalidInputError, match=f"^{re.escape(line)}$"):
        parse_scheme(text)


@pytest.mark.parametrize("name", ["duc-ivf-pq", "duc-imi-raw", "duc-gp-raw"])
def test_a_head_larger_than_k_is_refused(name: str) -> None:
    spec = parse_scheme(f"{name}+K=4")
    spec.require_head(4)
    line = f"scheme {name}+K=4: expected T (labels in the head) from 1 to K = 4, got 5"
    with pytest.raises(InvalidInputError, match=f"^{re.escape(line)}$"):
        spec.require_head(5)


def test_labels_and_no_partitions_set_no_limit_to_the_head() -> None:
    for name in ("dsc", "dsc-pq", "duc-pq", "exhaustive"):
        parse_scheme(name).require_head(200)


@given(st.text(alphabet="dscpqu-+=1KMfe\n", max_size=20))
def test_any_text_is_a_scheme_or_refused(text: str) -> None:
    try:
        assert parse_scheme(text).name == text
    except InvalidInputError as error:
        assert "\n" not in str(error)
