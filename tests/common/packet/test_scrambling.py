"""Masks by published numbers of SplitMix64, by a loop over plain integers, and what they are for."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsc_common.packet.scrambling import mask_words

# The generator's first outputs from seed 0, as its authors' reference code prints them.
PUBLISHED = (
    0xE220A8397B1DCDAF,
    0x6E789E6AA1B965F4,
    0x06C45D188009454F,
    0xF88BB8A8724C81EC,
    0x1B39896A51A8749B,
)


def splitmix64(place: int) -> int:
    """Output number `place` from seed 0."""
    z = (place + 1) * 0x9E3779B97F4A7C15 % 2**64
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9 % 2**64
    z = (z ^ z >> 27) * 0x94D049BB133111EB % 2**64
    return z ^ z >> 31


def test_label_0_has_the_published_numbers() -> None:
    assert [splitmix64(place) for place in range(5)] == list(PUBLISHED)
    assert mask_words(np.array([0]), 5, 8).tolist() == [[number & 0xFF for number in PUBLISHED]]


@given(
    st.lists(st.integers(0, (1 << 20) - 1), min_size=1, max_size=5),
    st.integers(1, 40),
    st.integers(1, 8),
)
def test_every_word_is_the_low_bits_of_the_generator_at_its_place(
    labels: list[int], num_subvectors: int, bits: int
) -> None:
    masks = mask_words(np.array(labels), num_subvectors, bits)
    assert masks.dtype == np.uint8
    assert masks.tolist() == [
        [splitmix64(4096 * label + m) % 2**bits for m in range(num_subvectors)] for label in labels
    ]


def test_the_last_place_of_a_label_is_before_the_first_of_the_next() -> None:
    both = mask_words(np.array([6, 7]), 4096, 8)
    assert both[0, 4095] == splitmix64(4096 * 7 - 1) % 256
    assert both[1, 0] == splitmix64(4096 * 7) % 256


def test_masks_of_a_thousand_labels_are_far_apart() -> None:
    masks = mask_words(np.arange(1000), 8, 8)
    assert len({row.tobytes() for row in masks}) == 1000
    bits = np.unpackbits(masks, axis=1).astype(np.float64)
    # Two random words of 64 bits differ in 32 ± 4; the mean over pairs has a far smaller error.
    apart = [int((bits[a] != bits[b]).sum()) for a, b in itertools.combinations(range(0, 1000, 17), 2)]
    assert np.mean(apart) == pytest.approx(32, abs=0.5)
    assert min(apart) > 10
