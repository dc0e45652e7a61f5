"""Posteriors over words, their means, and what a code says of its label: by Bayes and plain loops."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from dsc_server.receiving.code_posterior import (
    full_posterior,
    index_log_likelihoods,
    index_signs,
    masked_evidence,
    mean_square,
    posterior,
    posterior_mean,
    unmasked,
    word_count_evidence,
)


@st.composite
def soft_codes(draw: st.DrawFn, limit: float = 12.0) -> tuple[NDArray[np.float64], int]:
    """(M · L,) soft bits, and L."""
    bits, count = draw(st.integers(1, 6)), draw(st.integers(1, 4))
    ratio = st.floats(-limit, limit)
    return np.array(draw(st.lists(ratio, min_size=bits * count, max_size=bits * count))), bits


def probability_by_loop(llrs: list[float], index: int) -> float:
    """Π P(bit | y): P(0) is 1 / (1 + exp -LLR); the first bit is the most significant."""
    product = 1.0
    for place, llr in enumerate(reversed(llrs)):
        sign = -1 if index >> place & 1 else 1
        product *= 1 / (1 + math.exp(-sign * llr))
    return product


def test_signs_of_two_bits() -> None:
    assert index_signs(2).tolist() == [[1, 1], [1, -1], [-1, 1], [-1, -1]]


@given(soft_codes(), st.data())
def test_the_posterior_is_bayes_over_the_words_that_exist(
    case: tuple[NDArray[np.float64], int], data: st.DataObject
) -> None:
    llrs, bits = case
    num_words = data.draw(st.integers(1, 2**bits))
    found = posterior(index_log_likelihoods(llrs, bits), num_words)
    assert found.shape == (llrs.size // bits, num_words)
    assert found.dtype == np.float32
    for m, row in enumerate(found):
        own = llrs[m * bits : (m + 1) * bits].tolist()
        likelihoods = [probability_by_loop(own, j) for j in range(num_words)]
        np.testing.assert_allclose(row, [one / sum(likelihoods) for one in likelihoods], rtol=1e-5, atol=1e-9)


@given(soft_codes(100.0))
def test_a_full_sub_codebook_has_the_posterior_of_independent_bits(
    case: tuple[NDArray[np.float64], int],
) -> None:
    llrs, bits = case
    found = full_posterior(llrs, bits)
    expected = posterior(index_log_likelihoods(llrs, bits), 2**bits)
    assert (found.shape, found.dtype) == (expected.shape, np.float32)
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-30)


def test_bits_that_say_nothing_and_bits_that_say_all() -> None:
    flat = posterior(index_log_likelihoods(np.zeros(8), 4), 11)
    np.testing.assert_allclose(flat, 1 / 11, rtol=1e-6)
    sure = posterior(index_log_likelihoods(100 * np.array([-1.0, 1, -1, 1]), 4), 16)
    np.testing.assert_allclose(sure, [[float(j == 0b1010) for j in range(16)]], atol=1e-40)


@given(soft_codes(), st.integers(0, 2**32))
def test_means_and_squares_against_loops(case: tuple[NDArray[np.float64], int], seed: int) -> None:
    llrs, bits = case
    rng = np.random.default_rng(seed)
    count, num_words, width = llrs.size // bits, int(rng.integers(1, 2**bits + 1)), 3
    words = rng.standard_normal((num_words, count, width)).astype(np.float32)
    p = posterior(index_log_likelihoods(llrs, bits), num_words)
    mean, square = [], 0.0
    for m in range(count):
        for d in range(width):
            mean.append(sum(float(p[m, j]) * float(words[j, m, d]) for j in range(num_words)))
            square += sum(float(p[m, j]) * float(words[j, m, d]) ** 2 for j in range(num_words))
    np.testing.assert_allclose(posterior_mean(p, words), mean, atol=1e-5)
    assert mean_square(p, words) == pytest.approx(square, rel=1e-5)


def evidence_by_loop(llrs: NDArray[np.float64], bits: int, num_words: int, mask: list[int]) -> float:
    """Σ_m log(1/n Σ_{j<n} P(y_m | j)), relative to random bits, of which each index has P(y_m) / 2^L."""
    total = 0.0
    for m in range(llrs.size // bits):
        own = llrs[m * bits : (m + 1) * bits].tolist()
        counted = max(num_words, 1)  # a partition without words sends zeros
        mean = sum(probability_by_loop(own, j ^ mask[m]) for j in range(counted)) / counted
        total += math.log(mean * 2**bits)
    return total


@given(soft_codes())
def test_evidence_of_any_number_of_words_is_its_formula(case: tuple[NDArray[np.float64], int]) -> None:
    llrs, bits = case
    num_words = np.array([0, 1, 2**bits, *range(2**bits + 1)])
    found = word_count_evidence(index_log_likelihoods(llrs, bits), num_words)
    no_mask = [0] * (llrs.size // bits)
    expected = [evidence_by_loop(llrs, bits, n, no_mask) for n in num_words.tolist()]
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-9)
    assert found[0] == found[1]
    assert found[2] == pytest.approx(0, abs=1e-12)  # a full sub-codebook says nothing
    both = np.stack([index_log_likelihoods(llrs, bits), index_log_likelihoods(-llrs, bits)])
    alone = [word_count_evidence(code, num_words) for code in both]
    np.testing.assert_allclose(word_count_evidence(both, num_words), alone, rtol=1e-12, atol=1e-12)


def test_evidence_of_a_whole_byte_by_hand() -> None:
    # Without noise index 3 is sent in 8 bits: n_k = 4 makes it one of 4 instead of one of 256.
    log_likelihoods = index_log_likelihoods(100 * np.array([1.0, 1, 1, 1, 1, 1, -1, -1]), 8)
    found = word_count_evidence(log_likelihoods, np.array([256, 4, 100, 0, 1, 3]))
    np.testing.assert_allclose(found[:3], [0, math.log(64), math.log(2.56)], atol=1e-12)
    # Index 0 differs in two sure bits, 1 and 2 in one.
    expected = [math.log(256) - 200] * 2 + [math.log(2 * 256 / 3) - 100]
    np.testing.assert_allclose(found[3:], expected, rtol=1e-9)
    assert np.isfinite(word_count_evidence(100 * log_likelihoods, np.array([0, 1, 255, 256]))).all()


@given(soft_codes(), st.data())
def test_masked_evidence_is_that_of_the_unmasked_code(
    case: tuple[NDArray[np.float64], int], data: st.DataObject
) -> None:
    llrs, bits = case
    count = llrs.size // bits
    words = st.lists(st.integers(0, 2**bits - 1), min_size=count, max_size=count)
    masks = np.array(data.draw(st.lists(words, min_size=1, max_size=4)), dtype=np.uint8)
    num_words = np.array([data.draw(st.integers(0, 2**bits)) for _ in masks])
    log_likelihoods = index_log_likelihoods(llrs, bits)
    found = masked_evidence(log_likelihoods, num_words, masks)
    for mask, n, own in zip(masks, num_words, found.tolist(), strict=True):
        plain = unmasked(log_likelihoods, mask)
        for m in range(count):
            for j in range(2**bits):
                assert plain[m, j] == log_likelihoods[m, j ^ int(mask[m])]
        assert own == pytest.approx(float(word_count_evidence(plain, np.array([n]))[0]), rel=1e-9, abs=1e-9)
        assert own == pytest.approx(evidence_by_loop(llrs, bits, int(n), mask.tolist()), rel=1e-9, abs=1e-9)
