"""Folds of a benchmark by the groups of its queries: what a network is trained on, and what it has not seen.

Photos that answer no query are distractors: every second one is trained on, the others are tested with. A
fold's test has the queries of its groups; training has all others, without the photos that the test's
queries find right.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace

from dsc_common.benchmark.ground_truth import Benchmark, EvaluationQuery, without_images
from dsc_common.errors import InvalidInputError


@dataclass(frozen=True)
class Fold:
    """A fold: two benchmarks without a photo in common.

    Attributes:
        name: of its groups.
        train, test: benchmarks.
    """

    name: str
    train: Benchmark
    test: Benchmark


def folds_of(benchmark: Benchmark, count: int) -> Iterator[Fold]:
    """Folds of about equally many groups, in the order in which the groups first occur.

    Raises:
        InvalidInputError: fewer groups than folds, or fewer than two folds.
    """
    groups = list(dict.fromkeys(query.group for query in benchmark.queries))
    if not 2 <= count <= len(groups):
        raise InvalidInputError(f"expected 2 to {len(groups)} folds, for as many groups, got {count}")
    for number in range(count):
        of_fold = groups[number::count]
        name = of_fold[0] if len(of_fold) == 1 else f"{number + 1} of {count}"
        yield Fold(name, _part(benchmark, of_fold, test=False), _part(benchmark, of_fold, test=True))


def _part(benchmark: Benchmark, groups: Collection[str], *, test: bool) -> Benchmark:
    asked = [query for query in benchmark.queries if (query.group in groups) == test]
    others = [query for query in benchmark.queries if (query.group in groups) != test]
    answers = _answers(benchmark.queries)
    distractors = [image for image in range(len(benchmark.database)) if image not in answers]
    return without_images(replace(benchmark, queries=asked), _answers(others) | set(distractors[test::2]))


def _answers(queries: Collection[EvaluationQuery]) -> set[int]:
    return {image for query in queries for image in query.positives | query.junk}
