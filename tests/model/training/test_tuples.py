"""Queries, positives and pool of an epoch; clusters from pairs; groups held out."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsc_common.errors import InvalidInputError
from dsc_model.training.splitting import split
from dsc_model.training.tuples import Photo, TrainingSet, choose, joined, require_trainable


def groups_of(sizes: list[int]) -> TrainingSet:
    """Groups of these sizes; photos are numbers."""
    clusters = np.repeat(np.arange(len(sizes)), sizes)
    queries = [photo for photo, group in enumerate(clusters) if sizes[group] > 1]
    positives = [np.setdiff1d(np.flatnonzero(clusters == clusters[photo]), [photo]) for photo in queries]
    photos = tuple(Photo(f"/photo{number}") for number in range(len(clusters)))
    return TrainingSet("groups", photos, clusters, np.array(queries, dtype=np.int64), tuple(positives))


@given(
    st.lists(st.integers(1, 4), min_size=4, max_size=9).filter(lambda sizes: max(sizes) > 1),
    st.integers(1, 40),
    st.integers(1, 40),
    st.integers(0, 5),
)
def test_a_choice_is_of_matches_and_its_pool_suffices(
    sizes: list[int], queries: int, pool: int, epoch: int
) -> None:
    data = groups_of(sizes)
    chosen = choose(data, queries, pool, 3, seed=7, epoch=epoch)
    assert len(chosen.queries) == min(queries, len(data.queries)) == len(set(chosen.queries.tolist()))
    assert np.array_equal(data.clusters[chosen.queries], data.clusters[chosen.positives])
    assert not np.any(chosen.queries == chosen.positives)
    assert len(set(chosen.pool.tolist())) == len(chosen.pool) >= min(pool, len(data.photos))
    assert len(set(data.clusters[chosen.pool].tolist())) >= 4
    again = choose(data, queries, pool, 3, seed=7, epoch=epoch)
    assert all(np.array_equal(a, b) for a, b in zip(vars(chosen).values(), vars(again).values(), strict=True))


def test_epochs_and_seeds_choose_anew() -> None:
    data = groups_of([5] * 20)
    first, second, other = (choose(data, 30, 30, 3, seed, epoch) for seed, epoch in ((0, 0), (0, 1), (1, 0)))
    assert not np.array_equal(first.queries, second.queries)
    assert not np.array_equal(first.queries, other.queries)


def test_every_positive_of_a_query_is_chosen_at_some_time() -> None:
    data = groups_of([4, 1, 1, 1])
    chosen = [choose(data, 10, 10, 3, 0, epoch) for epoch in range(40)]
    pairs = {pair for each in chosen for pair in zip(each.queries, each.positives, strict=True)}
    assert pairs == {(a, b) for a in range(4) for b in range(4) if a != b}


@given(st.integers(1, 12), st.lists(st.tuples(st.integers(0, 11), st.integers(0, 11)), max_size=20))
def test_joined_members_are_those_that_a_walk_reaches(count: int, pairs: list[tuple[int, int]]) -> None:
    pairs = [(a % count, b % count) for a, b in pairs]
    found = joined(count, pairs)
    for start in range(count):
        reached, previous = {start}, set()
        while reached != previous:
            previous = set(reached)
            reached |= {b for a, b in pairs if a in reached} | {a for a, b in pairs if b in reached}
        assert set(np.flatnonzero(found == found[start]).tolist()) == reached
    assert sorted(set(found.tolist())) == list(range(len(set(found.tolist()))))


@pytest.mark.parametrize(
    ("sizes", "negatives", "line"),
    [
        ([1, 1, 1], 2, "groups has no two photos of one group: there is nothing to train on"),
        (
            [3, 3],
            5,
            "expected photos of at least 6 groups, for 5 negatives of other groups each, got 2: groups",
        ),
    ],
)
def test_too_little_to_train_on_is_one_line(sizes: list[int], negatives: int, line: str) -> None:
    with pytest.raises(InvalidInputError) as error:
        require_trainable(groups_of(sizes), negatives)
    assert str(error.value) == line


@given(
    st.lists(st.integers(1, 4), min_size=2, max_size=12).filter(lambda sizes: sum(n > 1 for n in sizes) > 1),
    st.floats(0.01, 0.9),
)
def test_held_out_groups_are_not_trained_on(sizes: list[int], fraction: float) -> None:
    data = groups_of(sizes)
    trained, validation = split(data, fraction, seed=3)
    matched = sum(size > 1 for size in sizes)
    held_out = {photo.path for photo in validation.photos} - {photo.path for photo in trained.photos}
    alone = {photo.path for photo in data.photos if sizes[data.clusters[data.photos.index(photo)]] == 1}
    assert {p.path for p in trained.photos} & {p.path for p in validation.photos} == alone
    assert held_out
    assert len(trained.queries) + len(validation.queries) == len(data.queries)
    assert len(set(validation.clusters[validation.queries])) == min(
        max(1, round(fraction * matched)), matched - 1
    )
    names = {photo.path: int(cluster) for photo, cluster in zip(data.photos, data.clusters, strict=True)}
    for part in (trained, validation):
        for query, positives in zip(part.queries, part.positives, strict=True):
            shown = {names[part.photos[number].path] for number in (query, *positives)}
            assert len(shown) == 1
            assert len(positives) == sizes[shown.pop()] - 1


def test_one_group_cannot_be_split() -> None:
    with pytest.raises(InvalidInputError, match=r"expected two groups with matches or more.* got 1: groups"):
        split(groups_of([3, 1, 1]), 0.1, 0)
