"""Codes and back against plain loops, for any n_i; what is no codebook is refused."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from dsc_common.codebook.codebook import (
    Codebook,
    decode_residual,
    distance_table,
    encode_residual,
    reconstruct,
    split,
)
from dsc_common.codebook.transform import Transform
from dsc_common.errors import InvalidInputError
from helpers.examples import random_codebook

SIZES = [0, 1, 2, 255, 256]


def encode_by_loops(residual: NDArray[np.float32], words: NDArray[np.float32]) -> list[int]:
    """The first nearest word of each sub-vector, in double precision."""
    num_words, num_subvectors, width = words.shape
    code = []
    for m in range(num_subvectors):
        best, nearest = float("inf"), 0
        for j in range(num_words):
            distance = sum(
                (float(residual[m * width + d]) - float(words[j, m, d])) ** 2 for d in range(width)
            )
            if distance < best:
                best, nearest = distance, j
        code.append(nearest)
    return code


def decode_by_loops(code: list[int], words: NDArray[np.float32]) -> list[float]:
    num_words, num_subvectors, width = words.shape
    return [
        float(words[code[m], m, d]) if code[m] < num_words else 0.0
        for m in range(num_subvectors)
        for d in range(width)
    ]


@st.composite
def cases(draw: st.DrawFn) -> tuple[Codebook, np.random.Generator]:
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    sizes = draw(st.lists(st.integers(0, 20), min_size=1, max_size=4))
    shape = draw(st.integers(1, 5)), draw(st.integers(1, 4))
    return random_codebook(rng, sizes, *shape), rng


@given(cases())
def test_encode_and_decode_equal_plain_loops(case: tuple[Codebook, np.random.Generator]) -> None:
    codebook, rng = case
    for label in range(codebook.num_partitions):
        words = codebook.subcodebooks(label)
        residual = rng.integers(-9, 10, codebook.dim).astype(np.float32)
        code = encode_residual(residual, words)
        assert code.dtype == np.uint8
        assert code.tolist() == encode_by_loops(residual, words)
        noisy = rng.integers(0, 256, codebook.num_subvectors, dtype=np.uint8)
        for read in (code, noisy):
            assert decode_residual(read, words).tolist() == decode_by_loops(read.tolist(), words)


@pytest.mark.parametrize("num_words", SIZES)
def test_any_number_of_words(num_words: int) -> None:
    rng = np.random.default_rng(num_words)
    codebook = random_codebook(rng, [3, num_words, 2], 4, 3)
    assert codebook.num_words.tolist() == [3, num_words, 2]
    words = codebook.subcodebooks(1)
    assert words.shape == (num_words, 4, 3)
    for _ in range(5):
        residual = rng.integers(-9, 10, 12).astype(np.float32)
        assert encode_residual(residual, words).tolist() == encode_by_loops(residual, words)


@pytest.mark.parametrize("num_words", SIZES)
def test_a_word_encodes_to_itself_and_decodes_exactly(num_words: int) -> None:
    codebook = random_codebook(np.random.default_rng(1), [num_words], 3, 8)
    words = codebook.subcodebooks(0)
    for j in range(num_words):
        code = encode_residual(words[j].reshape(-1), words)
        assert code.tolist() == [j] * 3
        assert decode_residual(code, words).tolist() == words[j].reshape(-1).tolist()


@pytest.mark.parametrize("num_words", SIZES)
def test_indices_beyond_the_words_decode_to_zeros(num_words: int) -> None:
    codebook = random_codebook(np.random.default_rng(2), [num_words], 256, 2)
    every = np.arange(256, dtype=np.uint8)
    residual = decode_residual(every, codebook.subcodebooks(0)).reshape(256, 2)
    assert (residual[num_words:] == 0).all()
    assert (residual[:num_words] != 0).any(axis=1).all()


def test_reconstruct_is_codeword_plus_residual() -> None:
    codebook = random_codebook(np.random.default_rng(3), [0, 5], 2, 2)
    words = codebook.subcodebooks(1)
    code = np.array([4, 0], dtype=np.uint8)
    by_hand = codebook.codewords[1] + np.array([*words[4, 0], *words[0, 1]], dtype=np.float32)
    assert reconstruct(codebook, 1, code).tolist() == by_hand.tolist()
    assert reconstruct(codebook, 0, code).tolist() == codebook.codewords[0].tolist()


def test_among_equal_words_the_first_wins() -> None:
    words = np.array([[[2.0]], [[1.0]], [[1.0]], [[-1.0]]], dtype=np.float32)
    assert encode_residual(np.array([0.0], dtype=np.float32), words).tolist() == [1]


def test_words_are_kept_in_half_precision_and_used_in_single() -> None:
    codebook = random_codebook(np.random.default_rng(4), [2], 2, 2)
    assert codebook.words.dtype == np.float16
    assert codebook.subcodebooks(0).dtype == np.float32
    assert (codebook.subcodebooks(0).astype(np.float16) == codebook.words).all()


def test_shared_words_are_those_of_the_only_partition() -> None:
    codebook = random_codebook(np.random.default_rng(4), [5], 3, 2)
    words = codebook.subcodebooks(0)
    assert codebook.shared_words.tolist() == words.tolist()
    assert codebook.shared_words is codebook.shared_words
    with pytest.raises(ValueError, match="read-only"):
        codebook.shared_words[0, 0, 0] = 1
    np.testing.assert_allclose(codebook.shared_squares, (words**2).sum(axis=2).T, rtol=1e-6)


@given(st.integers(0, 2**32), st.integers(0, 9), st.integers(1, 5), st.integers(1, 5))
def test_distance_table_equals_plain_loops(seed: int, count: int, num_subvectors: int, width: int) -> None:
    rng = np.random.default_rng(seed)
    vector = rng.standard_normal((num_subvectors, width)).astype(np.float32)
    words = rng.standard_normal((count, num_subvectors, width)).astype(np.float32)
    table = distance_table(vector, words)
    assert table.shape == (num_subvectors, count)
    for m in range(num_subvectors):
        for j in range(count):
            expected = sum((float(vector[m, d]) - float(words[j, m, d])) ** 2 for d in range(width))
            assert table[m, j] == pytest.approx(expected, rel=1e-5, abs=1e-12)


@given(st.integers(0, 2**32), st.floats(1e-3, 1e3))
def test_a_word_is_at_distance_exactly_zero_from_itself(seed: int, scale: float) -> None:
    words = (scale * np.random.default_rng(seed).standard_normal((6, 3, 7))).astype(np.float32)
    for j in range(6):
        assert distance_table(words[j], words)[:, j].tolist() == [0.0, 0.0, 0.0]


def test_split_cuts_neighbouring_dimensions() -> None:
    assert split(np.arange(6.0), 2).tolist() == [[0, 1, 2], [3, 4, 5]]
    with pytest.raises(InvalidInputError, match=r"^expected F divisible by M = 4, got F = 6$"):
        split(np.arange(6.0), 4)


BAD = {
    "codewords of another rank": {"codewords": np.zeros(4, dtype=np.float32)},
    "words of another rank": {"words": np.zeros((3, 4), dtype=np.float16)},
    "M · (F/M) is not F": {"words": np.zeros((3, 2, 3), dtype=np.float16)},
    "offsets too few": {"offsets": np.array([0, 3])},
    "offsets too many": {"offsets": np.array([0, 1, 2, 3])},
    "offsets that are one number": {"offsets": np.array(0)},
    "offsets in a table": {"offsets": np.array([[0, 1, 3]])},
    "offsets that start late": {"offsets": np.array([1, 1, 3])},
    "offsets that fall": {"offsets": np.array([0, 4, 3])},
    "offsets that fall so far that they overflow": {
        "codewords": np.zeros((3, 4), dtype=np.float32),
        "offsets": np.array([0, 2**63 - 1, -2, 3]),
    },
    "more words than offsets say": {"offsets": np.array([0, 1, 2])},
    "fewer words than offsets say": {"offsets": np.array([0, 1, 4])},
    "a projection to another F": {
        "transform": Transform(np.zeros(3, dtype=np.float32), np.zeros((3, 5), dtype=np.float32))
    },
}


@pytest.mark.parametrize("wrong", BAD.values(), ids=BAD.keys())
def test_what_is_no_codebook_is_refused(wrong: dict[str, Any]) -> None:
    right: dict[str, Any] = {
        "codewords": np.zeros((2, 4), dtype=np.float32),
        "words": np.zeros((3, 2, 2), dtype=np.float16),
        "offsets": np.array([0, 1, 3]),
    }
    Codebook(**right)
    with pytest.raises(InvalidInputError, match=r"^expected [^\n]*$"):
        Codebook(**{**right, **wrong})
