"""Keyed random numbers: the same pair gives the same numbers, any other pair others."""

import hashlib
import itertools

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from dsc_common.randomness import keyed_rng

pairs = st.tuples(st.integers(0, 2**64 - 1), st.text(max_size=20))


def numbers(seed: int, request_id: str, count: int = 4) -> list[float]:
    return keyed_rng(seed, request_id).standard_normal(count).tolist()


@given(pairs)
def test_the_same_pair_gives_the_same_numbers(pair: tuple[int, str]) -> None:
    assert numbers(*pair) == numbers(*pair)


@given(st.lists(pairs, min_size=2, max_size=2, unique=True))
def test_other_pairs_give_other_numbers(two: list[tuple[int, str]]) -> None:
    assert numbers(*two[0]) != numbers(*two[1])


def test_seed_and_request_id_do_not_run_into_each_other() -> None:
    cases = [(1, "2"), (12, ""), (1, "\n2"), (0, "1\n2"), (0, "12"), (2, "1")]
    assert len({tuple(numbers(*case)) for case in cases}) == len(cases)


def test_streams_of_neighbouring_requests_are_uncorrelated() -> None:
    count = 4000
    streams = [numbers(seed, f"{i}", count) for seed, i in itertools.product(range(3), range(4))]
    correlation = np.corrcoef(streams) - np.eye(len(streams))
    assert np.abs(correlation).max() < 4.5 / np.sqrt(count)  # 66 pairs


def test_pinned_so_that_results_can_be_repeated_anywhere() -> None:
    # SHA-256("0\n")[:16] as the key of Philox-4x64-10, numpy's ziggurat.
    expected = np.random.Generator(
        np.random.Philox(key=int.from_bytes(bytes.fromhex(SHA256_OF_ZERO_AND_NEWLINE)[:16], "little"))
    )
    assert keyed_rng(0, "").standard_normal(3).tolist() == expected.standard_normal(3).tolist()


# printf '0\n' | sha256sum
SHA256_OF_ZERO_AND_NEWLINE = "9a271f2a916b0b6ee6cecb2426f0b3206ef074578be55d9bc94f6f3fe3ab86aa"


def test_each_purpose_has_numbers_of_its_own() -> None:
    keys: list[tuple[int, str, *tuple[str | int, ...]]] = [
        (1, "a"),
        (1, "a", "noise", 1),
        (1, "a", "noise", 2),
        (1, "a", "fading", 1),
        (1, 'a", "noise', 1),
        (1, "a\nnoise\n1"),
        (2, "a", "noise", 1),
    ]
    drawn = [keyed_rng(*key).random(4).tolist() for key in keys]
    assert len({tuple(numbers) for numbers in drawn}) == len(keys)
    assert keyed_rng(*keys[1]).random(4).tolist() == drawn[1]


def test_numbers_without_a_purpose_are_what_they_always_were() -> None:
    digest = hashlib.sha256(b"7\nrequest").digest()
    expected = np.random.Generator(np.random.Philox(key=int.from_bytes(digest[:16], "little")))
    assert keyed_rng(7, "request").random(5).tolist() == expected.random(5).tolist()
