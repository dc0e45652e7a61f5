"""One estimate of several codes against plain loops; sequential codes against all codes there are."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from dsc_common.codebook.codebook import Codebook, encode_residual, reconstruct
from dsc_common.codebook.fusion import encode_sequentially, fuse, fusion_weights
from helpers.examples import random_codebook

Case = tuple[Codebook, list[int], np.random.Generator]


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Up to six partitions, some empty, and T different labels."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    sizes = draw(st.lists(st.integers(0, 9), min_size=1, max_size=6))
    codebook = random_codebook(rng, sizes, draw(st.integers(1, 4)), draw(st.integers(1, 3)))
    labels = rng.permutation(len(sizes))[: draw(st.integers(1, len(sizes)))].tolist()
    return codebook, labels, rng


def independent(q: NDArray[np.float32], codebook: Codebook, labels: list[int]) -> NDArray[np.uint8]:
    return np.stack([encode_residual(q - codebook.codewords[i], codebook.subcodebooks(i)) for i in labels])


def error(q: NDArray[np.float32], codebook: Codebook, labels: list[int], codes: NDArray[np.uint8]) -> float:
    difference = q.astype(np.float64) - fuse(codebook, labels, codes)
    return float(difference @ difference)


@given(cases())
def test_the_estimate_is_the_mean_weighted_by_the_root_of_the_words(case: Case) -> None:
    codebook, labels, rng = case
    codes = rng.integers(0, 10, (len(labels), codebook.num_subvectors), dtype=np.uint8)
    weights = [math.sqrt(codebook.offsets[i + 1] - codebook.offsets[i]) for i in labels]
    np.testing.assert_allclose(fusion_weights(codebook, labels), weights, rtol=1e-6)
    estimate = fuse(codebook, labels, codes)
    assert estimate.dtype == np.float32
    for d in range(codebook.dim):
        total = 0.0
        for t, label in enumerate(labels):
            total += weights[t] * float(reconstruct(codebook, label, codes[t])[d])
        expected = total / sum(weights) if any(weights) else 0.0
        assert estimate[d] == pytest.approx(expected, rel=1e-5, abs=1e-4)


def test_where_all_partitions_are_empty_it_is_zero() -> None:
    codebook = random_codebook(np.random.default_rng(0), [0, 0, 4], 2, 2)
    assert fuse(codebook, [1, 0], np.ones((2, 2), dtype=np.uint8)).tolist() == [0.0] * 4
    assert fuse(codebook, [], np.zeros((0, 2), dtype=np.uint8)).tolist() == [0.0] * 4
    q = np.ones(4, dtype=np.float32)
    assert encode_sequentially(q, codebook, [1, 0]).tolist() == [[0, 0], [0, 0]]


@given(cases())
def test_of_one_code_it_is_the_reconstruction(case: Case) -> None:
    codebook, labels, rng = case
    for label in labels:
        code = rng.integers(0, 10, codebook.num_subvectors, dtype=np.uint8)
        expected = reconstruct(codebook, label, code) if codebook.num_words[label] else 0
        np.testing.assert_allclose(fuse(codebook, [label], code[None]) - expected, 0, atol=1e-5)


@given(cases())
def test_the_first_sequential_code_is_the_independent_one(case: Case) -> None:
    codebook, labels, rng = case
    q = rng.standard_normal(codebook.dim).astype(np.float32)
    for label in labels:
        found = encode_sequentially(q, codebook, [label])
        assert found.tolist() == independent(q, codebook, [label]).tolist()


@given(st.integers(0, 2**32), st.integers(1, 3), st.lists(st.integers(0, 3), min_size=1, max_size=4))
def test_each_sequential_code_is_the_best_of_all_codes(seed: int, m: int, sizes: list[int]) -> None:
    rng = np.random.default_rng(seed)
    codebook = random_codebook(rng, sizes, m, 2)
    labels = rng.permutation(len(sizes)).tolist()
    q = (9 * rng.standard_normal(codebook.dim)).astype(np.float32)
    codes = encode_sequentially(q, codebook, labels)
    assert codes.shape == (len(labels), m)
    assert codes.dtype == np.uint8
    for t, label in enumerate(labels):
        if codebook.num_words[label] == 0:
            assert codes[t].tolist() == [0] * m
            continue
        possible = itertools.product(range(codebook.num_words[label]), repeat=m)
        head, before = labels[: t + 1], list(codes[:t])
        best = min(
            error(q, codebook, head, np.stack([*before, np.array(code, dtype=np.uint8)])) for code in possible
        )
        assert error(q, codebook, head, codes[: t + 1]) == pytest.approx(best, rel=1e-3, abs=1e-3)


@pytest.mark.parametrize("head_labels", [2, 3, 5])
def test_sequential_codes_are_better_than_independent_ones_on_average(head_labels: int) -> None:
    rng = np.random.default_rng(head_labels)
    codebook = random_codebook(rng, [16, 30, 1, 64, 0, 100, 8], 4, 2)
    errors = []
    for _ in range(100):
        labels = rng.permutation(7)[:head_labels].tolist()
        q = (5 * rng.standard_normal(8)).astype(np.float32)
        errors.append(
            [
                error(q, codebook, labels, encode(q, codebook, labels))
                for encode in (encode_sequentially, independent)
            ]
        )
    sequential, alone = np.mean(errors, axis=0)
    assert sequential < alone
