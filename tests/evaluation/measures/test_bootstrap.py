"""Bootstrap intervals against SciPy's, a plain loop, closed forms, and their own promise of coverage."""

import math
import re
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from dsc_common.errors import InvalidInputError
from dsc_eval.measures import bootstrap
from dsc_eval.measures.bootstrap import bootstrap_mean, in_groups, resampled_means

NORMAL = NormalDist()


def quantile(ordered: list[float], share: float) -> float:
    """Linear interpolation between order statistics at share * (n - 1)."""
    place = share * (len(ordered) - 1)
    low = math.floor(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (place - low) * (ordered[high] - ordered[low])


def by_loops(values: list[float], groups: list[int], seed: int, resamples: int) -> tuple[float, float]:
    """BCa of the mean over queries, 90 %, whole groups resampled, from its formulas."""
    parts: dict[int, list[float]] = {}
    for value, group in zip(values, groups, strict=True):
        parts.setdefault(group, []).append(value)
    lists = list(parts.values())
    rng = np.random.default_rng(seed)
    means = []
    for _ in range(resamples):
        drawn = [v for number in rng.integers(0, len(lists), len(lists)) for v in lists[int(number)]]
        means.append(sum(drawn) / len(drawn))
    point = sum(values) / len(values)
    below = sum(mean < point for mean in means) + sum(mean <= point for mean in means)
    bias = NORMAL.inv_cdf(below / 2 / resamples)
    without = []
    for left_out in range(len(lists)):
        rest = [v for number, part in enumerate(lists) if number != left_out for v in part]
        without.append(sum(rest) / len(rest))
    middle = sum(without) / len(without)
    cubes, squares = sum((middle - m) ** 3 for m in without), sum((middle - m) ** 2 for m in without)
    acceleration = cubes / (6 * squares**1.5)
    ends = []
    for share in (0.05, 0.95):
        moved = bias + NORMAL.inv_cdf(share)
        ends.append(quantile(sorted(means), NORMAL.cdf(bias + moved / (1 - acceleration * moved))))
    return ends[0], ends[1]


@pytest.mark.parametrize("seed", range(5))
def test_scipy_gives_the_same(seed: int) -> None:
    values = np.random.default_rng(seed).beta(4, 0.5, 40)
    interval = bootstrap_mean(values, seed, 500, 0.9)
    theirs = stats.bootstrap(
        (values,),
        np.mean,
        n_resamples=500,
        confidence_level=0.9,
        method="BCa",
        random_state=np.random.default_rng(seed),
    ).confidence_interval
    assert (interval.low, interval.high) == pytest.approx((theirs.low, theirs.high), abs=1e-12)
    assert interval.mean == pytest.approx(values.mean())


@pytest.mark.parametrize("seed", range(5))
def test_a_plain_loop_over_groups_gives_the_same(seed: int) -> None:
    rng = np.random.default_rng(seed)
    groups = rng.integers(0, 9, 30).tolist()
    values = rng.beta(4, 0.5, 30).tolist()
    interval = bootstrap_mean(values, seed, 200, 0.9, groups)
    assert (interval.low, interval.high) == pytest.approx(by_loops(values, groups, seed, 200), abs=1e-9)


def test_groups_of_like_queries_leave_more_doubt() -> None:
    values = np.random.default_rng(2).random(20).repeat(5)
    alone = bootstrap_mean(values)
    whole = bootstrap_mean(values, groups=(np.arange(100) // 5).tolist())
    assert whole.mean == alone.mean
    # Five equal queries are one: the standard error is that of 20.
    assert whole.high - whole.low == pytest.approx(math.sqrt(5) * (alone.high - alone.low), rel=0.1)
    of_one = bootstrap_mean(values[::5])
    assert (whole.low, whole.high) == pytest.approx((of_one.low, of_one.high), abs=1e-9)


def test_a_single_group_is_taken_apart() -> None:
    values = np.random.default_rng(3).random(15)
    assert bootstrap_mean(values, groups=["g"] * 15) == bootstrap_mean(values)


@pytest.mark.slow
def test_near_one_it_covers_what_it_promises_better_than_plain_quantiles() -> None:
    """60 queries whose values are Beta(6, 0.15) with the mean 0.976, many of them near 1."""
    rng = np.random.default_rng(0)
    truth = 6 / 6.15
    ours = plain = 0
    for seed in range(1000):
        values = rng.beta(6, 0.15, 60)
        interval = bootstrap_mean(values, seed, 1000)
        means = resampled_means(in_groups(values, None), np.random.default_rng(seed), 1000)
        low, high = np.quantile(means, [0.025, 0.975])
        ours += interval.low <= truth <= interval.high
        plain += low <= truth <= high
    assert 0.91 < ours / 1000 < 0.96
    assert ours > plain + 10


def test_blocks_do_not_change_the_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    values = np.random.default_rng(1).random(37)
    grouped = in_groups(values, None)
    whole = resampled_means(grouped, np.random.default_rng(5), 100)
    monkeypatch.setattr(bootstrap, "BLOCK_NUMBERS", 3 * 37 + 1)
    assert resampled_means(grouped, np.random.default_rng(5), 100).tolist() == whole.tolist()
    one_draw = np.random.default_rng(5).choice(values, size=(100, 37)).mean(axis=1)
    np.testing.assert_allclose(whole, one_draw)


def test_it_is_close_to_the_normal_approximation() -> None:
    # Half zeros, half ones: the standard error of the mean is 0.5 / sqrt(n).
    interval = bootstrap_mean([0.0, 1.0] * 200, resamples=4000)
    expected = 1.96 * 0.5 / math.sqrt(400)
    assert interval.mean == 0.5
    assert interval.high - 0.5 == pytest.approx(expected, rel=0.1)
    assert 0.5 - interval.low == pytest.approx(expected, rel=0.1)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12), st.integers(0, 99), st.integers(1, 60))
def test_the_mean_is_inside_and_the_interval_within_the_values(
    values: list[float], seed: int, resamples: int
) -> None:
    interval = bootstrap_mean(values, seed, resamples, 0.9)
    assert min(values) - 1e-9 <= interval.low <= interval.mean <= interval.high <= max(values) + 1e-9


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


def test_each_value_needs_a_group() -> None:
    with pytest.raises(InvalidInputError, match="expected a group for each of 3 values, got 2"):
        bootstrap_mean([0.1, 0.2, 0.3], groups=["a", "b"])


@pytest.mark.parametrize(("resamples", "confidence"), [(0, 0.95), (10, 0.0), (10, 1.0)])
def test_options_out_of_range_are_refused(resamples: int, confidence: float) -> None:
    with pytest.raises(InvalidInputError, match="expected resamples from 1 and a confidence"):
        bootstrap_mean([1.0], 0, resamples, confidence)
