"""A codebook as bytes: the round trip, what is refused, and when its version changes."""

import contextlib
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import save

from dsc_common.codebook.codebook import Codebook
from dsc_common.codebook.file import codebook_from_bytes, codebook_to_bytes, codebook_version
from dsc_common.codebook.transform import Transform
from dsc_common.errors import DamagedIndexError
from helpers.examples import random_codebook

RNG_SEED = 11
TENSORS = {
    "codewords": np.zeros((2, 4), dtype=np.float32),
    "words": np.zeros((3, 2, 2), dtype=np.float16),
    "offsets": np.array([0, 1, 3]),
    "mean": np.zeros(0, dtype=np.float32),
    "projection": np.zeros((0, 0), dtype=np.float32),
}


def codebook(sizes: list[int] | None = None, dtype: type[np.float16 | np.float32] = np.float16) -> Codebook:
    return random_codebook(np.random.default_rng(RNG_SEED), sizes or [2, 0, 3], 2, 3, dtype)


def same(left: Codebook, right: Codebook) -> bool:
    arrays = [(getattr(left, name), getattr(right, name)) for name in ("codewords", "words", "offsets")]
    arrays += [
        (getattr(left.transform, name), getattr(right.transform, name)) for name in ("mean", "projection")
    ]
    return all(one.dtype == two.dtype and np.array_equal(one, two) for one, two in arrays)


@given(st.lists(st.integers(0, 6), min_size=1, max_size=5), st.sampled_from([np.float16, np.float32]))
def test_round_trip(sizes: list[int], dtype: type[np.float16 | np.float32]) -> None:
    original = codebook(sizes, dtype)
    data = codebook_to_bytes(original)
    assert same(codebook_from_bytes(data), original)
    assert codebook_to_bytes(codebook_from_bytes(data)) == data


@given(st.integers(1, 7), st.integers(0, 2**32))
def test_round_trip_with_a_transform(feature_dim: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    mean = rng.standard_normal(feature_dim).astype(np.float32)
    projection = rng.standard_normal((feature_dim, 6)).astype(np.float32)
    original = replace(codebook(), transform=Transform(mean, projection))
    data = codebook_to_bytes(original)
    assert same(codebook_from_bytes(data), original)
    assert not same(codebook_from_bytes(data), codebook())
    assert codebook_to_bytes(codebook_from_bytes(data)) == data


def test_the_tensors_of_the_refusals_are_a_codebook_as_they_stand() -> None:
    assert codebook_from_bytes(save(TENSORS)).num_partitions == 2


@given(st.integers(0, 10_000))
def test_truncated_bytes_are_refused(kept: int) -> None:
    data = codebook_to_bytes(codebook())
    with pytest.raises(DamagedIndexError, match=r"^codebook is damaged: [^\n]*$"):
        codebook_from_bytes(data[: kept % len(data)])


@given(st.integers(0, 10**6), st.integers(0, 7))
def test_a_flipped_bit_is_refused_or_still_a_codebook(position: int, bit: int) -> None:
    # The hash beside the file tells of flipped numbers; here nothing but our own error may come.
    data = bytearray(codebook_to_bytes(codebook()))
    data[position % len(data)] ^= 1 << bit
    with contextlib.suppress(DamagedIndexError):
        codebook_from_bytes(bytes(data))


@given(st.binary(max_size=200))
def test_foreign_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(DamagedIndexError, match=r"^codebook is damaged: [^\n]*$"):
        codebook_from_bytes(data)


FOREIGN = {
    **{
        f"{name} is missing": {other: TENSORS[other] for other in TENSORS if other != name}
        for name in TENSORS
    },
    "a tensor too many": {**TENSORS, "more": np.zeros(1)},
    "numbers of another type": {**TENSORS, "codewords": np.zeros((2, 4))},
    "words of another type": {**TENSORS, "words": np.zeros((3, 2, 2))},
    "offsets of another type": {**TENSORS, "offsets": np.array([0, 1, 3], dtype=np.int32)},
    "a mean of another type": {**TENSORS, "mean": np.zeros(0)},
    "a mean without its projection": {**TENSORS, "mean": np.zeros(3, dtype=np.float32)},
    "a projection without its mean": {**TENSORS, "projection": np.zeros((3, 4), dtype=np.float32)},
    "a projection that is no matrix": {**TENSORS, "projection": np.zeros(0, dtype=np.float32)},
    "a projection to another width": {
        **TENSORS,
        "mean": np.zeros(3, dtype=np.float32),
        "projection": np.zeros((3, 5), dtype=np.float32),
    },
    "shapes that do not fit": {**TENSORS, "codewords": np.zeros((2, 5), dtype=np.float32)},
    "offsets that are one number": {**TENSORS, "offsets": np.array(0)},
}


@pytest.mark.parametrize("tensors", FOREIGN.values(), ids=FOREIGN.keys())
def test_a_safetensors_file_that_holds_something_else_is_refused(tensors: dict[str, np.ndarray]) -> None:
    with pytest.raises(DamagedIndexError, match=r"^C is damaged: expected [^\n]*$"):
        codebook_from_bytes(save(tensors), "C")


def test_the_version_changes_with_any_part() -> None:
    data = codebook_to_bytes(codebook())
    flipped = bytearray(data)
    flipped[-1] ^= 1
    cases = [
        (data, "model", "format"),
        (bytes(flipped), "model", "format"),
        (data, "other", "format"),
        (data, "model", "other"),
        (data, "modelf", "ormat"),  # parts do not run into each other
        (data + b"m", "odel", "format"),
    ]
    versions = [codebook_version(*case) for case in cases]
    assert len(set(versions)) == len(cases)
    assert versions[0] == codebook_version(*cases[0])
    assert all(len(version) == 16 and int(version, 16) >= 0 for version in versions)
