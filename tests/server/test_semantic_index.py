"""What is no index is refused."""

import dataclasses
from typing import Any

import numpy as np
import pytest
from tests.examples import random_codebook, random_index

from dsc_common.errors import InvalidInputError
from dsc_common.packet import PacketFormat
from dsc_server.semantic_index import SemanticIndex

FMT = PacketFormat(num_labels=3, head_labels=2, num_subvectors=2, bits_per_subvector=2)


def index() -> SemanticIndex:
    return random_index(np.random.default_rng(0), [2, 0, 7], FMT, 3)


def test_sizes() -> None:
    assert index().num_images == 9
    assert index().list_sizes.tolist() == [2, 0, 7]
    assert index().codebook.num_words.tolist() == [2, 0, 4]


BAD: dict[str, dict[str, Any]] = {
    "another K": {"format": PacketFormat(4, 2, 2, 2)},
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
    "another codebook": {"codebook": random_codebook(np.random.default_rng(0), [2, 0, 1], 2, 3)},
}


@pytest.mark.parametrize("wrong", BAD.values(), ids=BAD.keys())
def test_parts_that_do_not_fit_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(InvalidInputError, match=r"^expected [^\n]*$"):
        dataclasses.replace(index(), **wrong)
