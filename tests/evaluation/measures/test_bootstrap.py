"""Bootstrap intervals against a plain loop, closed forms, and the normal approximation."""

import math
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsc_common.errors import InvalidInputError
from dsc_eval.measures import bootstrap
from dsc_eval.measures.bootstrap import bootstrap_mean, resampled_means


def quantile(ordered: list[float], share: float) -> float:
    """Linear interpolation between order statistics at share * (n - 1)."""
    place = share * (len(ordered) - 1)
    low = math.floor(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (place - low) * (ordered[high] - ordered[low])


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12), st.integers(0, 99), st.integers(1, 60))
def test_a_plain_loop_gives_the_same(values: list[float], seed: int, resamples: int) -> None:
    rng = np.random.default_rng(seed)
    means = []
    for _ in range(resamples):
        drawn = [values[int(number)] for number in rng.integers(0, len(values), len(values))]
        means.append(sum(drawn) / len(drawn))
    means.sort()
    interval = bootstrap_mean(values, seed, resamples, 0.9)
    assert interval.mean == pytest.approx(sum(values) / len(values))
    assert interval.low == pytest.approx(quantile(means, 0.05), abs=1e-12)
    assert interval.high == pytest.approx(quantile(means, 0.95), abs=1e-12)


def test_blocks_do_not_change_the_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    values = np.random.default_rng(1).random(37)
    whole = resampled_means(values, np.random.default_rng(5), 100)
    monkeypatch.setattr(bootstrap, "BLOCK_NUMBERS", 3 * 37 + 1)
    assert resampled_means(values, np.random.default_rng(5), 100).tolist() == whole.tolist()
    one_draw = np.random.default_rng(5).choice(values, size=(100, 37)).mean(axis=1)
    assert whole.tolist() == one_draw.tolist()


def test_it_is_close_to_the_normal_approximation() -> None:
    # Half zeros, half ones: the standard error of the mean is 0.5 / sqrt(n).
    interval = bootstrap_mean([0.0, 1.0] * 200, resamples=4000)
    expected = 1.96 * 0.5 / math.sqrt(400)
    assert interval.mean == 0.5
    assert interval.high - 0.5 == pytest.approx(expected, rel=0.1)
    assert 0.5 - interval.low == pytest.approx(expected, rel=0.1)


def test_equal_values_leave_no_doubt() -> None:
    interval = bootstrap_mean([0.25] * 9)
    assert (interval.mean, interval.low, interval.high) == (0.25, 0.25, 0.25)


def test_the_same_seed_gives_the_same_and_another_does_not() -> None:
    values = np.random.default_rng(0).random(50)
    assert bootstrap_mean(values, seed=3) == bootstrap_mean(values, seed=3)
    assert bootstrap_mean(values, seed=3) != bootstrap_mean(values, seed=4)


@pytest.mark.parametrize("values", [[], [float("nan")], [1.0, float("inf")], [[1.0]]])
def test_what_cannot_be_resampled_is_refused(values: list[float]) -> None:
    with pytest.raises(InvalidInputError, match=re.escape("expected at least one value, and finite ones")):
        bootstrap_mean(values)


@pytest.mark.parametrize(("resamples", "confidence"), [(0, 0.95), (10, 0.0), (10, 1.0)])
def test_options_out_of_range_are_refused(resamples: int, confidence: float) -> None:
    with pytest.raises(InvalidInputError, match="expected resamples from 1 and a confidence"):
        bootstrap_mean([1.0], 0, resamples, confidence)
