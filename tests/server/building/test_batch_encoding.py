"""Codes of many residuals at once against the device's encoder, one by one."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from dsc_common.codebook.codebook import encode_residual
from dsc_server.building import batch_encoding
from dsc_server.building.batch_encoding import encode_residuals


def one_by_one(residuals: NDArray[np.float32], words: NDArray[np.float32]) -> list[list[int]]:
    """(M, J), by the plain loop."""
    codes = [encode_residual(residual, words).tolist() for residual in residuals]
    return [[code[m] for code in codes] for m in range(words.shape[1])]


@given(
    seed=st.integers(0, 2**32),
    num_images=st.integers(0, 40),
    num_words=st.integers(0, 40),
    num_subvectors=st.integers(1, 5),
    width=st.integers(1, 7),
    scale=st.sampled_from([1.0, 1e-3, 1e-22, 1e-30, 1e18, 3e19]),
)
def test_codes_are_those_of_the_loop(
    seed: int, num_images: int, num_words: int, num_subvectors: int, width: int, scale: float
) -> None:
    rng = np.random.default_rng(seed)
    words = (scale * rng.standard_normal((num_words, num_subvectors, width))).astype(np.float32)
    residuals = (scale * rng.standard_normal((num_images, num_subvectors * width))).astype(np.float32)
    with np.errstate(over="ignore", under="ignore"):
        codes = encode_residuals(residuals, words)
        assert codes.dtype == np.uint8
        assert codes.shape == (num_subvectors, num_images)
        if num_images:
            assert codes.tolist() == one_by_one(residuals, words)


@given(st.integers(0, 2**32), st.integers(1, 60), st.integers(2, 60), st.integers(1, 4))
def test_among_equally_near_words_the_first_wins(
    seed: int, num_images: int, num_words: int, width: int
) -> None:
    # Words and residuals on a coarse grid: many words are equal, and many others equally far.
    rng = np.random.default_rng(seed)
    words = rng.integers(-1, 2, (num_words, 3, width)).astype(np.float32) / 3
    residuals = rng.integers(-2, 3, (num_images, 3 * width)).astype(np.float32) / 6
    codes = encode_residuals(residuals, words)
    assert codes.tolist() == one_by_one(residuals, words)
    for m in range(3):
        chosen = words[codes[m], m]
        assert codes[m].tolist() == [
            int(np.flatnonzero((words[:, m] == word).all(axis=1))[0]) for word in chosen
        ]


@given(st.integers(0, 2**32), st.integers(0, 8))
def test_words_a_rounding_error_apart_are_told_apart_as_by_the_loop(seed: int, steps: int) -> None:
    # Far from zero, differences are exact and products are not.
    rng = np.random.default_rng(seed)
    base = (100 + rng.standard_normal((2, 16))).astype(np.float32)
    words = np.repeat(base[None], 30, axis=0)
    words += np.spacing(words) * rng.integers(-steps, steps + 1, words.shape)
    residuals = words[rng.integers(0, 30, 50)].reshape(50, 32)
    assert encode_residuals(residuals, words).tolist() == one_by_one(residuals, words)


def test_a_copy_of_a_residual_among_the_words_is_found() -> None:
    # A partition of at most 2^L images: every residual is a word, and duplicates are the first of them.
    residuals = np.random.default_rng(0).standard_normal((200, 24)).astype(np.float32)
    residuals[150:] = residuals[:50]
    codes = encode_residuals(residuals, residuals.reshape(200, 4, 6))
    assert codes.tolist() == [[*range(150), *range(50)]] * 4


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 3e38])
def test_what_is_not_finite_is_coded_as_by_the_loop(value: float) -> None:
    rng = np.random.default_rng(1)
    words, residuals = (rng.standard_normal(shape).astype(np.float32) for shape in ((9, 2, 4), (12, 8)))
    residuals[3, 2] = value
    words[5, 1, 1] = value
    with np.errstate(all="ignore"):
        assert encode_residuals(residuals, words).tolist() == one_by_one(residuals, words)


def test_blocks_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(2)
    words, residuals = (rng.standard_normal(shape).astype(np.float32) for shape in ((20, 3, 5), (101, 15)))
    whole = encode_residuals(residuals, words)
    monkeypatch.setattr(batch_encoding, "BLOCK_BYTES", 20 * 4 * 7)
    assert encode_residuals(residuals, words).tolist() == whole.tolist()


def test_products_decide_nearly_always(monkeypatch: pytest.MonkeyPatch) -> None:
    # Otherwise nothing is gained: residuals and words as those of a partition of unit features.
    asked: list[int] = []

    def counted(residual: NDArray[np.float32], words: NDArray[np.float32]) -> NDArray[np.uint8]:
        asked.append(1)
        return encode_residual(residual, words)

    monkeypatch.setattr(batch_encoding, "encode_residual", counted)
    rng = np.random.default_rng(3)
    residuals = (rng.standard_normal((1000, 1280)) / np.sqrt(2 * 1280)).astype(np.float32)
    words = residuals[:256].reshape(256, 8, 160) * np.float32(0.9)
    encode_residuals(residuals, words)
    assert len(asked) < 200
