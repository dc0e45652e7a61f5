"""Distances between words are kept for the partitions read last, within a bound on memory."""

import numpy as np
import pytest
from numpy.typing import NDArray

from dsc_server.index.word_distances import PartitionDistances
from helpers.examples import random_codebook
from helpers.kernels import KINDS, ranked_with

SIZES = [5, 0, 3, 9, 1]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dtype", [np.float16, np.float32])
@pytest.mark.parametrize("memory_bytes", [0, 400, 1 << 20])
def test_distances_are_those_of_a_loop(
    kind: str, dtype: type[np.float16 | np.float32], memory_bytes: int
) -> None:
    rng = np.random.default_rng(1)
    codebook = random_codebook(rng, SIZES, 2, 3, dtype)
    codebook.words[:] = rng.standard_normal(codebook.words.shape).astype(dtype)
    codebook.words[1] = codebook.words[0]
    with ranked_with(kind):
        kept = PartitionDistances(codebook, memory_bytes)
        for label in rng.integers(0, len(SIZES), 40).tolist():
            words = codebook.subcodebooks(label).astype(np.float64)
            for m in range(2):
                asked = rng.permutation(SIZES[label])[:2]
                found = kept.of(label).rows(m, asked)
                expected = [
                    [float(((words[i, m] - words[j, m]) ** 2).sum()) for j in range(len(words))]
                    for i in asked
                ]
                np.testing.assert_allclose(found, np.reshape(expected, found.shape), rtol=1e-5, atol=1e-6)
                found[:] = -1  # a copy: what is kept stays
        assert kept.of(0).rows(1, np.array([0])).tolist()[0][:2] == [0, 0]
        assert kept.nbytes <= memory_bytes


def test_the_partitions_read_last_are_kept() -> None:
    codebook = random_codebook(np.random.default_rng(2), [4] * 6, 2, 3)
    one = PartitionDistances(codebook).of(0).nbytes
    kept = PartitionDistances(codebook, 3 * one)
    first = [kept.of(label) for label in (0, 1, 2)]
    assert kept.of(0) is first[0]
    kept.of(3)  # in place of 1
    assert [kept.of(label) for label in (0, 2)] == [first[0], first[2]]
    assert kept.of(1) is not first[1]


def test_rows_do_not_depend_on_what_was_asked_before() -> None:
    rng = np.random.default_rng(3)
    words: NDArray[np.float32] = rng.standard_normal((64, 2, 5)).astype(np.float32)
    for kernels in KINDS.values():
        if kernels.name == "numpy":  # computes a few at a time in another way than many
            continue
        alone, after = kernels.word_distances(words), kernels.word_distances(words)
        after.rows(0, np.arange(40))
        assert alone.rows(0, np.array([7, 63])).tobytes() == after.rows(0, np.array([7, 63])).tobytes()
