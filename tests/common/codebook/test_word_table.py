"""Codes by matrix products are those of the squared differences, to the last near tie; tables are bounded."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from dsc_common.codebook import word_table as module
from dsc_common.codebook.codebook import decode_residual, encode_residual
from dsc_common.codebook.precision import Precision, restore, store
from dsc_common.codebook.word_table import WordTable, WordTables, encode_residuals, word_table
from helpers.examples import random_codebook

NO_SCALES = np.zeros((0, 0), dtype=np.float32)


def codes(residual: NDArray[np.float32], words: NDArray[Any]) -> list[int]:
    found = encode_residuals([WordTable.of(words, NO_SCALES)], residual[None])
    assert (found.dtype, len(found)) == (np.uint8, 1)
    return found[0].tolist()


@given(st.integers(0, 2**32), st.integers(0, 40), st.integers(1, 6), st.integers(1, 7))
def test_products_choose_what_differences_choose(seed: int, n: int, m: int, width: int) -> None:
    rng = np.random.default_rng(seed)
    words = rng.standard_normal((n, m, width)).astype(rng.choice([np.float16, np.float32]))
    for scale in (1e-6, 1.0, 1e6):
        residual = (scale * rng.standard_normal(m * width)).astype(np.float32)
        assert codes(residual, words) == encode_residual(residual, words.astype(np.float32)).tolist()


@given(
    st.integers(0, 2**32),
    st.lists(st.integers(0, 9), min_size=1, max_size=5),
    st.integers(1, 6),
    st.integers(1, 7),
    st.sampled_from(Precision),
)
def test_several_partitions_at_once(
    seed: int, sizes: list[int], m: int, width: int, precision: Precision
) -> None:
    """Of any number of words, none and one among them; with int8 the words are those that devices restore."""
    rng = np.random.default_rng(seed)
    spread = np.float32(10.0 ** rng.integers(-6, 5))
    stored = [store(spread * rng.standard_normal((n, m, width)).astype(np.float32), precision) for n in sizes]
    words = [restore(*one) for one in stored]
    residuals = (spread * rng.standard_normal((len(sizes), m * width))).astype(np.float32)
    tables = [WordTable.of(*one) for one in stored]
    found = encode_residuals(tables, residuals)
    assert found.tolist() == [encode_residual(*pair).tolist() for pair in zip(residuals, words, strict=True)]
    for table, code, known in zip(tables, found, words, strict=True):
        assert table.decoded(code).tolist() == decode_residual(code, known).tolist()


@given(st.integers(0, 2**32), st.integers(1, 5))
def test_near_ties_of_int8_words(seed: int, width: int) -> None:
    """Words whose numbers are equal or one step apart, and a residual between them."""
    rng = np.random.default_rng(seed)
    base = rng.integers(-100, 100, 2 * width)
    stored = (base + rng.integers(-1, 2, (40, 2 * width))).astype(np.int8).reshape(40, 2, width)
    scales = rng.uniform(1e-3, 1, 2).astype(np.float32)
    words = restore(stored, scales)
    middle = (words[0] + words[1]) / 2
    residual = (middle + rng.choice([0.0, 1e-7]) * rng.standard_normal(middle.shape)).astype(np.float32)
    found = encode_residuals([WordTable.of(stored, scales)], residual.reshape(1, -1))
    assert found[0].tolist() == encode_residual(residual.reshape(-1), words).tolist()


@given(st.integers(0, 2**32), st.integers(1, 5))
def test_near_ties_and_ties_stay_as_they_are(seed: int, width: int) -> None:
    """Words that differ by a few units in the last place, some of them equal: products cannot tell."""
    rng = np.random.default_rng(seed)
    base = rng.standard_normal(3 * width).astype(np.float32)
    steps = rng.integers(-2, 3, (30, 3 * width)).astype(np.float32) * np.spacing(np.abs(base))
    words = (base + steps).astype(np.float32).reshape(30, 3, width)
    residual = (base + rng.choice([0.0, 1e-7, 0.3])).astype(np.float32)
    assert codes(residual, words) == encode_residual(residual, words).tolist()


@pytest.mark.parametrize("value", [1e19, 3e38, -3e38])
def test_numbers_whose_squares_overflow(value: float) -> None:
    rng = np.random.default_rng(0)
    words = rng.standard_normal((9, 2, 3)).astype(np.float32)
    residual = np.full(6, value, dtype=np.float32)
    with np.errstate(over="ignore"):
        assert codes(residual, words) == encode_residual(residual, words).tolist()


def test_most_residuals_take_no_second_look(monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[int] = []

    def look(residual: NDArray[np.float32], words: NDArray[np.float32]) -> NDArray[np.uint8]:
        looked.append(words.shape[1])
        return encode_residual(residual, words)

    monkeypatch.setattr(module, "encode_residual", look)
    rng = np.random.default_rng(0)
    table = WordTable.of(rng.standard_normal((256, 8, 160)).astype(np.float16), NO_SCALES)
    for _ in range(100):
        encode_residuals([table], rng.standard_normal((1, 1280)).astype(np.float32))
    assert 0 < sum(looked) < 8  # of 800 sub-vectors


def test_a_table_is_made_once_and_the_last_used_stay() -> None:
    codebook = random_codebook(np.random.default_rng(0), [4, 4, 4], 2, 3)
    size = WordTable.of(codebook.stored(0), codebook.scales_of(0)).nbytes
    tables = WordTables(max_bytes=2 * size)
    first, second = tables.of(codebook, 0), tables.of(codebook, 1)
    assert tables.of(codebook, 0) is first
    tables.of(codebook, 2)  # the second goes
    assert tables.of(codebook, 0) is first
    assert tables.of(codebook, 1) is not second


def test_one_table_may_be_larger_than_the_limit() -> None:
    codebook = random_codebook(np.random.default_rng(0), [4, 4], 2, 3)
    tables = WordTables(max_bytes=1)
    kept = tables.of(codebook, 1)
    assert tables.of(codebook, 1) is kept


def test_each_codebook_has_its_tables() -> None:
    one, other = (random_codebook(np.random.default_rng(seed), [4], 2, 3) for seed in (0, 1))
    assert word_table(one, 0) is word_table(one, 0)
    assert word_table(one, 0).steps.tolist() == one.subcodebooks(0).tolist()
    assert word_table(other, 0).steps.tolist() == other.subcodebooks(0).tolist()
