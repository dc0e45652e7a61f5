"""Folds: each query is tested once, by a network that has not seen its photos or those of the test."""

from pathlib import Path

import pytest

from dsc_common.benchmark.ground_truth import Benchmark, EvaluationQuery
from dsc_common.errors import InvalidInputError
from dsc_eval.models.folds import folds_of

GROUPS, OF_GROUP, DISTRACTORS = 5, 3, 11


def benchmark() -> Benchmark:
    """Five groups, each of two queries with the same three answers, then distractors."""
    database = [Path(f"/answer{n}") for n in range(GROUPS * OF_GROUP)]
    database += [Path(f"/other{n}") for n in range(DISTRACTORS)]
    queries = [
        EvaluationQuery(
            Path(f"/query{group}{number}"),
            None,
            frozenset(range(group * OF_GROUP, (group + 1) * OF_GROUP - number)),
            frozenset({(group + 1) * OF_GROUP - 1}) if number else frozenset(),
            f"group{group}",
        )
        for group in range(GROUPS)
        for number in range(2)
    ]
    return Benchmark("made", database, queries)


def photos_of(part: Benchmark) -> set[Path]:
    return {*part.database, *(query.path for query in part.queries)}


@pytest.mark.parametrize("count", [2, 3, 5])
def test_a_test_has_no_photo_of_its_training(count: int) -> None:
    whole = benchmark()
    tested: list[Path] = []
    for fold in folds_of(whole, count):
        assert not photos_of(fold.train) & photos_of(fold.test)
        assert photos_of(fold.train) | photos_of(fold.test) == photos_of(whole)
        assert not {q.group for q in fold.train.queries} & {q.group for q in fold.test.queries}
        others = [sum("other" in str(p) for p in part.database) for part in (fold.train, fold.test)]
        assert sorted(others) == [DISTRACTORS // 2, DISTRACTORS - DISTRACTORS // 2]
        tested += [query.path for query in fold.test.queries]
    assert sorted(tested) == sorted(query.path for query in whole.queries)


def test_answers_are_those_of_the_whole_benchmark() -> None:
    whole = benchmark()
    answers = {
        query.path: [{whole.database[n] for n in part} for part in (query.positives, query.junk)]
        for query in whole.queries
    }
    for fold in folds_of(whole, 5):
        for part in (fold.train, fold.test):
            for query in part.queries:
                found = [{part.database[n] for n in images} for images in (query.positives, query.junk)]
                assert found == answers[query.path]


@pytest.mark.parametrize("count", [1, 6])
def test_a_number_of_folds_that_does_not_fit_is_one_line(count: int) -> None:
    with pytest.raises(InvalidInputError, match=f"expected 2 to 5 folds, for as many groups, got {count}"):
        list(folds_of(benchmark(), count))
