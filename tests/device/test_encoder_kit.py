"""A packet from a photo or its extraction, by the rules of the manifest; what does not fit is refused."""

import math
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dsc_common.codebook.manifest import HeadRule
from dsc_common.errors import InvalidImageError, InvalidInputError
from dsc_common.features.extraction import Extraction
from dsc_common.packet.format import PacketFormat
from dsc_common.packet.packing import pack, unpack
from dsc_device.encoder_kit import EncoderKit
from dsc_device.encoding import encode
from helpers.examples import random_codebook


@pytest.fixture
def photo(photos: Path) -> Path:
    return photos / "even" / "00.png"


def test_a_photo_and_its_extraction_give_the_packet_of_the_equations(kit: EncoderKit, photo: Path) -> None:
    extraction = kit.extractor.extract(photo)
    fmt = kit.manifest.format
    expected = encode(extraction.feature, extraction.probabilities, kit.codebook, fmt)
    packet = kit.encode(photo)
    assert packet == kit.encode(extraction)
    assert packet.data == pack(expected, fmt)
    assert packet.head == unpack(packet.data, fmt).labels.tolist()
    assert packet.head_labels == [f"thing {label}" for label in packet.head]


def test_nearest_cells_have_no_names_and_need_no_probabilities(kit: EncoderKit, photo: Path) -> None:
    by_cell = replace(kit, manifest=replace(kit.manifest, head_rule=HeadRule.NEAREST))
    extraction = kit.extractor.extract(photo)
    packet = by_cell.encode(replace(extraction, probabilities=np.zeros(0, dtype=np.float32)))
    assert packet == by_cell.encode(photo)
    assert packet.head_labels == [f"cell {cell}" for cell in packet.head]


def test_without_a_head_there_are_no_names(kit: EncoderKit, photo: Path) -> None:
    fmt = PacketFormat(num_partitions=1, head_labels=1, num_subvectors=4)
    manifest = replace(kit.manifest, format=fmt, head_rule=HeadRule.NEAREST)
    codebook = random_codebook(np.random.default_rng(1), [9], 4, 4)
    packet = replace(kit, manifest=manifest, codebook=codebook).encode(photo)
    assert (packet.head, packet.head_labels) == ([0], [])


def test_sequential_codes_follow_the_manifest(kit: EncoderKit, photo: Path) -> None:
    extraction = kit.extractor.extract(photo)
    fmt = kit.manifest.format
    sequential = encode(extraction.feature, extraction.probabilities, kit.codebook, fmt, sequential=True)
    changed = replace(kit, manifest=replace(kit.manifest, sequential=True))
    assert changed.encode(photo).data == pack(sequential, fmt)


ZEROS = np.zeros(16, dtype=np.float32)


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        (
            {"feature": ZEROS[:15]},
            "expected a feature of 16 numbers in float32, got float32 of shape (15,)",
        ),
        (
            {"feature": ZEROS[None]},
            "expected a feature of 16 numbers in float32, got float32 of shape (1, 16)",
        ),
        (
            {"feature": ZEROS.astype(np.float64)},
            "expected a feature of 16 numbers in float32, got float64 of shape (16,)",
        ),
        ({"feature": ZEROS + math.nan}, "expected a feature of finite numbers, got NaN or infinity"),
        (
            {"probabilities": ZEROS},
            "expected probabilities of 32 numbers in float32, got float32 of shape (16,)",
        ),
        (
            {"probabilities": np.full(32, math.inf, dtype=np.float32)},
            "expected probabilities of finite numbers, got NaN or infinity",
        ),
    ],
)
def test_an_extraction_that_does_not_fit_is_refused(
    changes: dict[str, Any], line: str, kit: EncoderKit
) -> None:
    extraction = replace(Extraction(ZEROS, np.zeros(32, dtype=np.float32)), **changes)
    with pytest.raises(InvalidInputError, match=f"^{re.escape(line)}$"):
        kit.encode(extraction)


def test_a_photo_that_is_none_is_refused(kit: EncoderKit, tmp_path: Path) -> None:
    (tmp_path / "text.jpg").write_text("no photo")
    with pytest.raises(InvalidImageError, match="not a photo"):
        kit.encode(tmp_path / "text.jpg")
