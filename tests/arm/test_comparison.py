"""What is said of packets that differ: where, and how near a tie it was."""

import numpy as np
import pytest

from arm.comparison import Difference, differences
from dsc_common.codebook.codebook import Codebook
from dsc_common.features.extraction import Extraction
from dsc_common.packet.format import PacketFormat
from dsc_common.packet.packing import Packet, pack

# Two partitions of three words; a word of sub-vector 0 is (0, 0), (1, 0) or (0, 2).
WORDS = np.array([[[0, 0], [5, 5]], [[1, 0], [5, 5]], [[0, 2], [6, 5]]], dtype=np.float32)
BOOK = Codebook(np.zeros((2, 4), np.float32), np.concatenate([WORDS, WORDS]), np.array([0, 3, 6]))
FORMAT = PacketFormat(num_partitions=2, head_labels=1, num_subvectors=2)
PHOTO = Extraction(np.array([0.5, 0.5, 5, 5], np.float32), np.array([0.5, 0.4], np.float32))


def packet(label: int, *code: int) -> bytes:
    return pack(Packet(np.array([label]), np.array([code], dtype=np.uint8)), FORMAT)


def test_equal_packets_have_no_difference() -> None:
    assert differences(PHOTO, BOOK, FORMAT, packet(0, 1, 2), packet(0, 1, 2)) == []


def test_a_tie_has_no_gap_and_another_word_has_one() -> None:
    tie = differences(PHOTO, BOOK, FORMAT, packet(0, 0, 1), packet(0, 1, 1))
    assert tie == [Difference("code 0, sub-vector 0", 0, 1, 0.0)]
    (worse,) = differences(PHOTO, BOOK, FORMAT, packet(0, 0, 1), packet(0, 2, 1))
    assert worse.gap == pytest.approx((2.5 - 0.5) / 0.5)


def test_with_another_label_the_codes_are_not_compared() -> None:
    (label,) = differences(PHOTO, BOOK, FORMAT, packet(0, 0, 1), packet(1, 2, 2))
    assert (label.place, label.here, label.there) == ("label 0", 0, 1)
    assert label.gap == pytest.approx(0.2)
