"""Paired comparisons against SciPy's permutation test, exact enumeration, and cases worked by hand."""

import numpy as np
import pytest
from scipy import stats

from dsc_eval.measures.bootstrap import bootstrap_mean
from dsc_eval.measures.paired import MAX_GROUPS_FOR_ALL_FLIPS, paired_difference, sign_flip_p


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("count", [2, 3, 7, MAX_GROUPS_FOR_ALL_FLIPS])
def test_few_groups_take_every_flip_as_scipy_does(seed: int, count: int) -> None:
    sums = np.random.default_rng(seed).standard_normal(count) + 0.4
    theirs = stats.permutation_test(
        (sums,), np.sum, permutation_type="samples", n_resamples=np.inf, alternative="two-sided"
    )
    assert sign_flip_p(sums, 0) == pytest.approx(theirs.pvalue)


def test_many_groups_come_near_to_every_flip() -> None:
    sums = np.random.default_rng(1).standard_normal(16) + 0.3
    signs = 1 - 2 * ((np.arange(1 << 16)[:, None] >> np.arange(16)) & 1)
    exact = float((np.abs(signs @ sums) >= abs(sums.sum()) - 1e-9).mean())
    assert 0.01 < exact < 0.9
    assert sign_flip_p(sums, 0) == pytest.approx(exact, abs=4 * np.sqrt(exact * (1 - exact) / 10_000))


def test_three_queries_by_hand() -> None:
    # ±0.1 ± 0.2 ± 0.4 is as far from 0 as 0.7 in two of eight cases.
    assert sign_flip_p(np.array([0.1, 0.2, 0.4]), 0) == 2 / 8
    # 0.3 = 0.1 - 0.2 + 0.4 is reached or exceeded by ±0.3, ±0.5 and ±0.7.
    assert sign_flip_p(np.array([0.1, -0.2, 0.4]), 0) == 6 / 8


def test_a_constant_lead_on_the_same_queries_is_beyond_doubt_though_intervals_overlap() -> None:
    first = np.random.default_rng(2).random(60)
    second = first - np.random.default_rng(3).uniform(0.01, 0.03, 60)
    assert bootstrap_mean(second).high > bootstrap_mean(first).low
    compared = paired_difference(first.tolist(), second.tolist(), 0)
    assert compared.interval.mean == pytest.approx(0.02, abs=0.002)
    assert compared.interval.low > 0.015
    assert compared.p == pytest.approx(1 / 10_001)


def test_equal_schemes_do_not_differ() -> None:
    values = np.random.default_rng(4).random(30).tolist()
    compared = paired_difference(values, values, 0)
    assert (compared.interval.mean, compared.interval.low, compared.interval.high) == (0, 0, 0)
    assert compared.p == 1


def test_groups_flip_whole() -> None:
    # Ten queries of one landmark that lead together are one observation, and so are the ten that trail.
    first, second = [0.9] * 20, [0.8] * 20
    assert paired_difference(first, second, 0).p < 0.001
    assert paired_difference(first, second, 0, ["a"] * 10 + ["b"] * 10).p == 0.5


def test_under_the_null_p_is_uniform() -> None:
    rng = np.random.default_rng(5)
    p = [sign_flip_p(rng.standard_normal(10), 0) for _ in range(300)]
    assert 0.02 < np.mean(np.array(p) <= 0.1) < 0.18
