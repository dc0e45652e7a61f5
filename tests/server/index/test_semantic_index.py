"""What is no index is refused."""

import dataclasses
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsc_common.errors import InvalidInputError
from dsc_common.packet.format import PacketFormat, Payload
from dsc_server.index.semantic_index import SemanticIndex
from dsc_server.index.subcells import SubCells
from helpers.examples import random_codebook, random_index, semantic_index

FMT = PacketFormat(num_partitions=3, head_labels=2, num_subvectors=2, bits_per_subvector=2)


def index() -> SemanticIndex:
    return random_index(np.random.default_rng(0), [2, 0, 7], FMT, 3)


def test_sizes() -> None:
    assert index().num_images == 9
    assert index().list_sizes.tolist() == [2, 0, 7]
    assert index().codebook.num_words.tolist() == [2, 0, 4]


BAD: dict[str, dict[str, Any]] = {
    "another M": {"format": PacketFormat(3, 2, 3, 2)},
    "codes of fewer images": {"codes": np.zeros((2, 8), dtype=np.uint8)},
    "codes not transposed": {"codes": np.zeros((9, 2), dtype=np.uint8)},
    "offsets too few": {"offsets": np.array([0, 2, 9])},
    "offsets that are one number": {"offsets": np.array(0)},
    "offsets that start late": {"offsets": np.array([1, 2, 2, 9])},
    "offsets that fall": {"offsets": np.array([0, 3, 2, 9])},
    "offsets that end early": {"offsets": np.array([0, 2, 2, 8])},
    "codes beyond their words": {"codes": np.full((2, 9), 2, dtype=np.uint8)},
    "images in a partition without words": {"offsets": np.array([0, 1, 2, 9])},
    "features of another length": {"features": np.zeros((9, 5), dtype=np.float16)},
    "fewer features than images": {"features": np.zeros((8, 6), dtype=np.float16)},
    "an image before the first": {"images": np.arange(-1, 8)},
    "another codebook": {"codebook": random_codebook(np.random.default_rng(0), [2, 0, 1], 2, 3)},
}


def subcells(**changed: Any) -> SubCells:
    parts: dict[str, Any] = {
        "alphas": np.zeros(3, dtype=np.float32),
        "neighbours": np.array([[1, 2], [0, 2], [0, 1]]),
        "members": np.array([0, 1] * 4 + [0]),
    }
    return SubCells(**{**parts, **changed})


def test_with_features_and_subcells() -> None:
    features = np.zeros((9, 6), dtype=np.float16)
    whole = dataclasses.replace(index(), features=features, subcells=subcells())
    assert (whole.has_features, whole.num_images) == (True, 9)
    assert not index().has_features


def test_an_image_may_be_in_several_lists() -> None:
    spilled = dataclasses.replace(index(), images=np.array([0, 1, 0, 1, 2, 3, 4, 5, 6]))
    assert (spilled.num_images, spilled.images.size) == (7, 9)


BAD |= {
    f"sub-cells: {name}": {"subcells": subcells(**changed)}
    for name, changed in {
        "alphas of fewer cells": {"alphas": np.zeros(2, dtype=np.float32)},
        "neighbours of fewer cells": {"neighbours": np.array([[1, 2], [0, 2]])},
        "neighbours in a row": {"neighbours": np.array([1, 2, 0])},
        "neighbours beyond the last": {"neighbours": np.array([[1, 2], [0, 2], [0, 3]])},
        "neighbours before the first": {"neighbours": np.array([[1, 2], [0, 2], [0, -1]])},
        "members of fewer images": {"members": np.zeros(8, dtype=np.int64)},
        "members beyond the last": {"members": np.full(9, 2)},
        "members before the first": {"members": np.full(9, -1)},
    }.items()
}


@pytest.mark.parametrize("wrong", BAD.values(), ids=BAD.keys())
def test_parts_that_do_not_fit_are_refused(wrong: dict[str, Any]) -> None:
    whole = index()
    of_summary = {key: wrong[key] for key in wrong if key in ("format", "codebook")}
    rest = {key: wrong[key] for key in wrong if key not in of_summary}
    with pytest.raises(InvalidInputError, match=r"^expected [^\n]*$"):
        dataclasses.replace(whole, summary=dataclasses.replace(whole.summary, **of_summary), **rest)


def test_one_code_for_all_partitions_is_held_image_by_image() -> None:
    fmt = dataclasses.replace(FMT, payload=Payload.CODE)
    features = np.zeros((7, 6), dtype=np.float16)
    images = np.array([0, 1, 0, 1, 2, 3, 4, 5, 6])
    lists: dict[str, Any] = {"images": images, "offsets": index().offsets, "features": features}
    codebook = random_codebook(np.random.default_rng(0), [4], 2, 3)
    codes = np.zeros((2, 7), dtype=np.uint8)  # nine entries, seven images
    assert semantic_index(fmt, codebook, codes, **lists).num_images == 7
    for bad in (np.zeros((2, 9), dtype=np.uint8), np.zeros((2, 0), dtype=np.uint8)):
        with pytest.raises(InvalidInputError, match=r"expected codes of shape \(2, 7\)"):
            semantic_index(fmt, codebook, bad, **lists)
    with pytest.raises(InvalidInputError, match="below the size of their sub-codebook"):
        semantic_index(fmt, codebook, codes + np.uint8(4), **lists)


@given(st.lists(st.integers(0, 3), min_size=1, max_size=6), st.data())
def test_entries_of_several_partitions_are_those_of_each(sizes: list[int], data: st.DataObject) -> None:
    fmt = PacketFormat(num_partitions=len(sizes), head_labels=1, num_subvectors=2, bits_per_subvector=2)
    several = random_index(np.random.default_rng(0), sizes, fmt, 3)
    labels = data.draw(st.lists(st.integers(0, len(sizes) - 1), max_size=8))
    expected = [place for label in labels for place in range(several.images.size)[several.entries(label)]]
    assert several.entries_of(np.array(labels, dtype=np.int64)).tolist() == expected
