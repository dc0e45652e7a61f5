"""Metrics of rankings worked by hand, by definition, and by scikit-learn."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score

from dsc_common.benchmark.metrics import (
    RankingScore,
    average_precision,
    hit_ranks,
    mean,
    mean_by_group,
    score_ranking,
)


def score(ranking: list[int], positives: set[int], junk: set[int] | None = None) -> RankingScore:
    return score_ranking(np.array(ranking, dtype=np.int64), positives, junk or set(), [1, 2, 3, 10])


def test_every_positive_first_is_perfect() -> None:
    recall_at, precision_at = {1: 0.5, 2: 1, 3: 1, 10: 1}, {1: 1.0, 5: 1.0, 10: 1.0}
    assert score([4, 2, 0, 1], {2, 4}) == RankingScore(1.0, 1.0, 1.0, recall_at, precision_at, 4)


def test_a_cut_list_has_the_recall_of_what_is_before_the_cut() -> None:
    ranking = np.array([9, 10, 20, 11, 21, 12], dtype=np.int64)
    recall = [score_ranking(ranking, {10, 11, 12}, {9}, (), cut).recall for cut in (1, 2, 3, 5, 9, None)]
    assert recall == pytest.approx([1 / 3, 1 / 3, 2 / 3, 1, 1, 1])  # ranks 1, 3, 5 without junk
    assert score_ranking(ranking, {10, 11, 12}, {9}, (), 1).average_precision == pytest.approx(
        (1 + 2 / 3 + 3 / 5) / 3
    )


def test_by_hand() -> None:
    # Positives at ranks 1, 3 and 6: (1/1 + 2/3 + 3/6) / 3.
    result = score([10, 20, 11, 21, 22, 12], {10, 11, 12})
    assert result.average_precision == pytest.approx((1 + 2 / 3 + 1 / 2) / 3)
    assert result.recall == 1
    assert result.recall_at == pytest.approx({1: 1 / 3, 2: 1 / 3, 3: 2 / 3, 10: 1})
    assert result.candidates == 6


def test_positives_that_are_not_ranked_count_as_never_found() -> None:
    # Ranks 2 and 4 of four positives: (1/2 + 2/4 + 0 + 0) / 4.
    result = score([9, 0, 8, 1], {0, 1, 2, 3})
    assert result.average_precision == pytest.approx(0.25)
    assert result.recall == 0.5
    assert result.recall_at == {1: 0, 2: 0.25, 3: 0.25, 10: 0.5}


def test_junk_takes_no_rank() -> None:
    # Junk 7 and 8 gone, positives are at ranks 1 and 3.
    result = score([7, 0, 8, 5, 1], {0, 1}, {7, 8, 99})
    assert result.average_precision == pytest.approx((1 + 2 / 3) / 2)
    assert result.recall_at == {1: 0.5, 2: 0.5, 3: 1, 10: 1}
    assert hit_ranks(np.array([7, 0, 8, 5, 1]), {0, 1}, {7, 8}) == [1, 3]


def test_it_is_not_interpolated() -> None:
    # Interpolated (trapezoidal, as in the original Oxford5k program) it would be 0.25.
    assert score([9, 0], {0}).average_precision == 0.5


def test_nothing_found() -> None:
    for ranking in ([], [5, 6], [7]):
        result = score(ranking, {0, 1}, {7})
        assert (result.average_precision, result.recall) == (0, 0)
        assert result.recall_at == {1: 0, 2: 0, 3: 0, 10: 0}
        assert result.candidates == len(ranking)


@given(st.lists(st.sampled_from(["right", "wrong", "junk"]), max_size=30), st.integers(0, 5), st.data())
def test_by_definition(kinds: list[str], missing: int, data: st.DataObject) -> None:
    positives = {i for i, kind in enumerate(kinds) if kind == "right"} | set(range(100, 100 + missing))
    if not positives:
        return
    junk = {i for i, kind in enumerate(kinds) if kind == "junk"}
    result = score(list(range(len(kinds))), positives, junk)
    kept = [kind for kind in kinds if kind != "junk"]
    precisions = [
        kept[: rank + 1].count("right") / (rank + 1) for rank in range(len(kept)) if kept[rank] == "right"
    ]
    assert result.average_precision == pytest.approx(sum(precisions) / len(positives))
    assert result.recall == pytest.approx(kept.count("right") / len(positives))
    k = data.draw(st.sampled_from([1, 2, 3, 10]))
    assert result.recall_at[k] == pytest.approx(kept[:k].count("right") / len(positives))
    assert 0 <= result.average_precision <= result.recall <= 1


@given(st.lists(st.booleans(), min_size=1, max_size=50).filter(any))
def test_where_everything_is_ranked_it_is_scikit_learns(right: list[bool]) -> None:
    ranks = [rank for rank, is_right in enumerate(right, start=1) if is_right]
    scores = -np.arange(len(right), dtype=np.float64)
    expected = average_precision_score(np.array(right), scores)
    assert average_precision(ranks, len(ranks)) == pytest.approx(expected)


def test_means() -> None:
    assert mean([0.0, 0.5, 1.0]) == 0.5
    # Group a: (1 + 0) / 2, group b: 0.2; a query more in a group does not weigh more.
    assert mean_by_group([1.0, 0.2, 0.0], ["a", "b", "a"]) == pytest.approx(0.35)
    assert mean_by_group([0.25, 0.75], ["a", "b"]) == mean([0.25, 0.75])
