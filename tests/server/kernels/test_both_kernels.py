"""Compiled loops and array operations give the same results, bit by bit where both add in the same order."""

import math
from collections.abc import Iterable
from functools import reduce
from itertools import product
from operator import xor

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from dsc_server.kernels.arrays import ArrayKernels
from dsc_server.kernels.interface import Kernels
from dsc_server.kernels.visited import Visited
from helpers.kernels import KINDS

pytest.importorskip("dsc_server.kernels.compiled", exc_type=ImportError)
from dsc_server.kernels.compiled import CompiledKernels

BOTH = tuple(KINDS.values())
Lists = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], int]


@st.composite
def lists(draw: st.DrawFn) -> Lists:
    """Entries, starts and stops of some lists, each without repetition, and the number of rows."""
    num_rows = draw(st.integers(1, 12))
    rows = st.lists(st.integers(0, num_rows - 1), unique=True, max_size=num_rows)
    stored = draw(st.lists(rows, min_size=1, max_size=8))
    offsets = np.concatenate([[0], np.cumsum([len(one) for one in stored])])
    read = np.array(draw(st.permutations(range(len(stored)))))[: draw(st.integers(0, len(stored)))].astype(
        int
    )
    entries = np.array([row for one in stored for row in one], dtype=np.int64)
    return entries, offsets[read], offsets[read + 1], num_rows


def rows_by_loop(case: Lists, before: Iterable[int] = ()) -> dict[int, list[int]]:
    """Images in order of their first appearance, each with the numbers of its lists."""
    entries, starts, stops, _ = case
    found: dict[int, list[int]] = {row: [] for row in before}
    for number, (start, stop) in enumerate(zip(starts, stops, strict=True)):
        for row in entries[start:stop].tolist():
            found.setdefault(row, []).append(number)
    return found


@pytest.mark.parametrize("kernels", BOTH, ids=list(KINDS))
@given(lists(), st.booleans(), st.data())
def test_each_image_is_listed_once_with_the_sums_of_its_lists(
    kernels: Kernels, case: Lists, whole: bool, data: st.DataObject
) -> None:
    entries, starts, stops, num_rows = case
    visited = Visited(num_rows)
    before = np.arange(num_rows) if whole else None
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    values = 10.0 ** rng.uniform(-9, data.draw(st.sampled_from([1, 60])), (len(starts), 3))
    missed = rng.uniform(0.01, 1, len(starts))
    expected = rows_by_loop(case, range(num_rows) if whole else ())
    for _ in range(3):  # scratch that earlier queries have used
        listing = kernels.listing(entries, starts, stops, visited, before)
        assert listing.images.tolist() == list(expected)
        of_entries = [row for a, b in zip(starts, stops, strict=True) for row in entries[a:b].tolist()]
        assert listing.images[listing.places].tolist() == of_entries
        logs, chances = listing.agreement(values, missed, 2.0, 0.9)
        assert len(logs) == len(chances) == listing.num_groups
        found = listing.of_images(logs.astype(np.float32)), listing.of_images(chances.astype(np.float32))
        for log, chance, numbers in zip(*(of.tolist() for of in found), expected.values(), strict=True):
            sums = [sum(float(values[number, slot]) for number in numbers) for slot in range(3)]
            assert log == pytest.approx(sum(math.log(0.1 + 0.45 * each) for each in sums), rel=1e-5, abs=1e-5)
            assert chance == pytest.approx(math.prod(float(missed[number]) for number in numbers), rel=1e-5)
        some = np.arange(0, len(expected), 2)
        assert listing.of_images(logs.astype(np.float32), some).tolist() == found[0][some].tolist()


@pytest.mark.parametrize("kernels", BOTH, ids=list(KINDS))
@given(
    arrays(np.float64, st.tuples(st.integers(0, 4), st.integers(0, 40)), elements=st.floats(0, 1e6)),
    st.integers(0, 12),
)
def test_largest_sums_are_those_of_sorted_rows(
    kernels: Kernels, values: NDArray[np.float64], count: int
) -> None:
    expected = [sum(sorted(row)[max(len(row) - count, 0) :]) for row in values.tolist()]
    np.testing.assert_allclose(kernels.largest_sums(values, count), expected, rtol=1e-12)


@given(lists())
def test_images_of_the_same_lists_are_one_group(case: Lists) -> None:
    entries, starts, stops, num_rows = case
    listing = CompiledKernels().listing(entries, starts, stops, Visited(num_rows))
    sets = [tuple(numbers) for numbers in rows_by_loop(case).values()]
    assert len(set(listing.sets.tolist())) == len(set(sets))
    assert len(set(zip(listing.sets.tolist(), sets, strict=True))) == len(set(sets))


@given(st.integers(0, 2**32), st.integers(0, 13), st.integers(1, 9), st.integers(1, 256))
def test_sums_of_tables_are_the_same_bit_by_bit(seed: int, count: int, subvectors: int, words: int) -> None:
    rng = np.random.default_rng(seed)
    codes = rng.integers(0, words, (40, subvectors), dtype=np.uint8)
    table = rng.standard_normal((subvectors, words)).astype(np.float32)
    compiled, arrays = (kernels.look_up(table, codes[:count]) for kernels in BOTH)
    assert compiled.tobytes() == arrays.tobytes()
    for row, total in zip(codes[:count], compiled.tolist(), strict=True):
        one_by_one = np.float32(0)
        for m, word in enumerate(row.tolist()):
            one_by_one = one_by_one + table[m, word]
        assert total == one_by_one
    entries = rng.permutation(40)[:count].astype(np.int64)
    listings = [kernels.listing(entries, np.array([0]), np.array([count]), Visited(40)) for kernels in BOTH]
    for start in (0.0, 1.0):
        found = [
            listing.scores(table, codes, start, np.full(listing.num_groups, 0.3, dtype=np.float32))
            for listing in listings
        ]
        assert found[0].tobytes() == found[1].tobytes()
        expected = np.float32(start) + arrays_at(table, codes, entries) + np.float32(0.3)
        assert found[0].tolist() == expected.tolist()


def arrays_at(
    table: NDArray[np.float32], codes: NDArray[np.uint8], rows: NDArray[np.int64]
) -> NDArray[np.float32]:
    return ArrayKernels().look_up(table, codes[rows])


@given(st.integers(0, 2**32), st.integers(0, 9), st.integers(1, 5), st.integers(1, 9))
def test_linear_functions_near_words_agree(seed: int, count: int, subvectors: int, width: int) -> None:
    rng = np.random.default_rng(seed)
    codes = rng.integers(0, 7, (count, subvectors), dtype=np.uint8)
    intercepts = rng.standard_normal((subvectors, 7)).astype(np.float32)
    slopes = rng.standard_normal((subvectors, 7, width)).astype(np.float32)
    features = rng.standard_normal((count, subvectors * width + 2)).astype(np.float32)  # padded
    compiled, arrays = (kernels.near_words(intercepts, slopes, codes, features) for kernels in BOTH)
    np.testing.assert_allclose(compiled, arrays, rtol=1e-5, atol=1e-5)
    for row, feature, total in zip(codes, features.astype(float), compiled.tolist(), strict=True):
        expected = sum(
            float(intercepts[m, j]) + float(slopes[m, j] @ feature[m * width : (m + 1) * width])
            for m, j in enumerate(row.tolist())
        )
        assert total == pytest.approx(expected, rel=1e-4, abs=1e-4)


def test_every_float16_becomes_the_same_float32() -> None:
    every = np.arange(1 << 16, dtype=np.uint16).view(np.float16).reshape(256, 256)
    rows = np.random.default_rng(0).permutation(256)
    compiled, arrays = (kernels.rows_as_float32(every, rows) for kernels in BOTH)
    numbers = ~np.isnan(arrays)
    assert (compiled.view(np.uint32)[numbers] == arrays.view(np.uint32)[numbers]).all()
    assert np.isnan(compiled[~numbers]).all()


@pytest.mark.parametrize("kernels", BOTH, ids=list(KINDS))
@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_rows_are_copied_and_must_exist(kernels: Kernels, dtype: type[np.float16 | np.float32]) -> None:
    features = np.arange(12).reshape(4, 3).astype(dtype)
    features.flags.writeable = False
    rows = kernels.rows_as_float32(features, np.array([2, 0, 2]))
    assert rows.dtype == np.float32
    assert rows.tolist() == [[6, 7, 8], [0, 1, 2], [6, 7, 8]]
    assert kernels.rows_as_float32(features, np.zeros(0, dtype=np.int64)).shape == (0, 3)
    assert kernels.rows_as_float32(features[:, :2], np.array([3])).tolist() == [[9, 10]]
    with pytest.raises(IndexError):
        kernels.rows_as_float32(features, np.array([1, 4]))


def test_tables_of_any_layout_and_read_only_codes_are_taken() -> None:
    rng = np.random.default_rng(3)
    table = np.asfortranarray(rng.standard_normal((5, 8)).astype(np.float32))
    codes = rng.integers(0, 8, (6, 5), dtype=np.uint8)
    codes.flags.writeable = False
    compiled, arrays = (kernels.look_up(table, codes) for kernels in BOTH)
    assert compiled.tobytes() == arrays.tobytes()


@given(st.integers(0, 2**32), st.integers(1, 6), st.integers(0, 4), st.floats(0, 1))
def test_factors_of_check_bits_give_the_posteriors_of_a_loop(
    seed: int, count: int, bits: int, filled: float
) -> None:
    rng = np.random.default_rng(seed)
    size, num_labels = 1 << bits, 5
    slots = 10.0 ** rng.uniform(-20, 3, (count, num_labels))
    adds = rng.integers(0, size, (count, num_labels))
    received = 10.0 ** -rng.uniform(0, 30, size) * (rng.random(size) < filled)
    places = np.arange(count)[:, None] * size + adds
    results = [kernels.check_factors(slots, places, received) for kernels in BOTH]
    np.testing.assert_allclose(results[0], results[1], rtol=1e-9)
    posteriors = slots * results[0].reshape(-1)[places]
    np.testing.assert_allclose(posteriors.sum(axis=1), 1, rtol=1e-9)
    if count <= 3:  # a loop over all heads
        expected = np.zeros((count, num_labels))
        for labels in product(range(num_labels), repeat=count):
            weight = received[reduce(xor, (adds[t, k] for t, k in enumerate(labels)))]
            weight *= math.prod(slots[t, k] / slots[t].sum() for t, k in enumerate(labels))
            for t, k in enumerate(labels):
                expected[t, k] += weight
        totals = expected.sum(axis=1, keepdims=True)
        without = slots / slots.sum(axis=1, keepdims=True)
        by_loop = np.where(totals > 0, expected / np.maximum(totals, 1e-300), without)
        np.testing.assert_allclose(posteriors, by_loop, rtol=1e-9)
