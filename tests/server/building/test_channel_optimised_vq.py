"""Words designed for bit errors: closed forms, plain loops, and a comparison with words that are not."""

import itertools

import numpy as np
import pytest
from numpy.typing import NDArray

from dsc_server.building.channel_optimised_vq import (
    BIT_ERROR_RATE,
    channel_optimised_words,
    transition_probabilities,
)
from dsc_server.building.index_assignment import ordered_words
from dsc_server.building.subcodebooks import train_words


def expected_error_by_loops(points: NDArray[np.float32], words: NDArray[np.float32], rate: float) -> float:
    """Mean over points of the least Σ_j P(j | i) ‖x - w_j‖² over indices i; (J, d), (2^L, d)."""
    bits = len(words).bit_length() - 1
    total = 0.0
    for x in points.astype(np.float64):
        errors = [float(((x - word) ** 2).sum()) for word in words.astype(np.float64)]
        total += min(
            sum(
                rate ** (i ^ j).bit_count() * (1 - rate) ** (bits - (i ^ j).bit_count()) * error
                for j, error in enumerate(errors)
            )
            for i in range(len(words))
        )
    return total / len(points)


def normal(seed: int, *shape: int) -> NDArray[np.float32]:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def test_how_indices_arrive_by_hand() -> None:
    found = transition_probabilities(2, 0.1)
    np.testing.assert_allclose(found[0], [0.81, 0.09, 0.09, 0.01])
    np.testing.assert_allclose(found[2], [0.09, 0.01, 0.81, 0.09])
    np.testing.assert_allclose(transition_probabilities(5, 0.3).sum(axis=0), 1)


def test_two_words_of_two_points_shrink_by_what_noise_takes() -> None:
    # A word is E[x | its index arrived]: (1 - ε) of its own point and ε of the other's.
    points = np.array([[1.0], [-1.0]], dtype=np.float32)
    words = channel_optimised_words(points, 1, 1)
    assert sorted(words[:, 0, 0].tolist()) == pytest.approx([2 * BIT_ERROR_RATE - 1, 1 - 2 * BIT_ERROR_RATE])


@pytest.mark.parametrize(("bits", "width"), [(1, 1), (3, 1), (4, 2), (5, 4), (2, 5)])
def test_a_step_more_never_hurts(bits: int, width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    points = normal(bits, 80, width)
    errors = []
    for steps in (0, 1, 2, 8):
        monkeypatch.setattr("dsc_server.building.channel_optimised_vq.STEPS_AFTER", steps)
        words = channel_optimised_words(points, 1, bits)
        assert (words.shape, words.dtype) == ((1 << bits, 1, width), np.float32)
        errors.append(expected_error_by_loops(points, words[:, 0], BIT_ERROR_RATE))
    for before, after in itertools.pairwise(errors):
        assert after <= before * (1 + 1e-5)


@pytest.mark.parametrize("rate", [BIT_ERROR_RATE, 0.1])
def test_over_a_noisy_channel_they_err_less_than_k_means_in_a_good_order(rate: float) -> None:
    points, others = normal(0, 3000, 4), normal(1, 300, 4)
    ours = channel_optimised_words(points, 1, 6)[:, 0]
    theirs = ordered_words(train_words(points, 1, 64, 0))[:, 0]
    assert expected_error_by_loops(others, ours, rate) < 0.9 * expected_error_by_loops(others, theirs, rate)


def test_sub_vectors_have_words_of_their_own() -> None:
    points = normal(2, 50, 6)
    both = channel_optimised_words(points, 2, 3)
    for m in range(2):
        alone = channel_optimised_words(points[:, 3 * m : 3 * m + 3], 1, 3)
        np.testing.assert_allclose(both[:, m], alone[:, 0], atol=1e-6)
    assert both.tobytes() == channel_optimised_words(points, 2, 3).tobytes()


@pytest.mark.parametrize("points", [np.zeros((1, 4)), np.ones((300, 4)), np.eye(4)[[0, 0, 1]]])
def test_points_that_do_not_differ_or_are_few(points: NDArray[np.float64]) -> None:
    words = channel_optimised_words(points.astype(np.float32), 2, 4)
    assert np.isfinite(words).all()
    if len(np.unique(points, axis=0)) == 1:
        np.testing.assert_allclose(words.reshape(16, -1), np.tile(points[0], (16, 1)), atol=1e-6)
