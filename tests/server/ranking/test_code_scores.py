"""Scores of codes that are known in part: eq. (14) where they are certain, a loop where they are not."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsc_common.codebook.codebook import decode_residual
from dsc_common.packet.format import PacketFormat
from dsc_server.kernels.arrays import squared_distances
from dsc_server.ranking.code_scores import cosine_scores, soft_distance_scores, squared_distance_scores
from dsc_server.ranking.soft_minimum import soft_minimum
from helpers.examples import random_index

FMT = PacketFormat(num_partitions=2, head_labels=1, num_subvectors=3, bits_per_subvector=3)


@given(st.integers(0, 2**32), st.integers(1, 12), st.sampled_from([1.0, 0.97]), st.booleans())
def test_certain_posteriors_score_as_their_codes(seed: int, size: int, sure: float, whole: bool) -> None:
    rng = np.random.default_rng(seed)
    index = random_index(rng, [0, size], FMT, 2)
    words = index.codebook.subcodebooks(1)
    if not whole:
        index.codebook.words[:] = rng.standard_normal(index.codebook.words.shape)
        words = index.codebook.subcodebooks(1)
    query = rng.integers(0, len(words), 3)
    posterior = np.full((3, len(words)), (1 - sure) / max(len(words) - 1, 1), dtype=np.float32)
    posterior[np.arange(3), query] = sure
    residual = decode_residual(query.astype(np.uint8), words)
    soft = soft_distance_scores(index, 1, posterior, index.codes)
    hard = squared_distance_scores(index, 1, residual, index.codes)
    assert soft.dtype == np.float32
    # Sums over the dimensions of a sub-vector round in the same order where numbers are whole.
    np.testing.assert_allclose(soft, hard, atol=0 if whole else 1e-6)
    equal = (index.codes == query[:, None]).all(axis=0)
    assert (soft[equal] == 1).all()


@given(st.integers(0, 2**32))
def test_uncertain_posteriors_add_up_their_sub_vectors(seed: int) -> None:
    rng = np.random.default_rng(seed)
    index = random_index(rng, [0, 9], FMT, 2)
    words = index.codebook.subcodebooks(1)
    posterior = rng.dirichlet(np.ones(8), 3).astype(np.float32)
    found = soft_distance_scores(index, 1, posterior, index.codes)
    for column in range(9):
        total = 0.0
        for m in range(3):
            own = words[:, m]
            table = soft_minimum(posterior[m], lambda likely: squared_distances(own[likely], own))  # noqa: B023
            total += float(table[index.codes[m, column]])
        assert found[column] == pytest.approx(1 - total / 2, rel=1e-5)


def test_an_empty_partition_scores_nothing_and_one_image_scores_one() -> None:
    index = random_index(np.random.default_rng(0), [0, 1], FMT, 2)
    nothing = soft_distance_scores(index, 0, np.zeros((3, 0), dtype=np.float32), index.codes[:, :0])
    assert nothing.shape == (0,)
    only = soft_distance_scores(index, 1, np.ones((3, 1), dtype=np.float32), index.codes)
    assert only.tolist() == [1.0]
    residual = index.codebook.subcodebooks(1)[0].reshape(-1)
    assert squared_distance_scores(index, 1, residual, index.codes).tolist() == [1.0]
    assert cosine_scores(index, 1, residual, index.codes).tolist() == [1.0]


@given(st.integers(0, 2**32))
def test_residuals_that_are_no_words_score_by_their_distance_and_their_angle(seed: int) -> None:
    rng = np.random.default_rng(seed)
    index = random_index(rng, [0, 6], FMT, 2)
    residual, c = rng.standard_normal(6).astype(np.float32), index.codebook.codewords[1].astype(np.float64)
    words = index.codebook.subcodebooks(1)
    by_distance = squared_distance_scores(index, 1, residual, index.codes)
    by_angle = cosine_scores(index, 1, residual, index.codes)
    for column in range(6):
        own = decode_residual(index.codes[:, column], words).astype(np.float64)
        assert by_distance[column] == pytest.approx(1 - float(((residual - own) ** 2).sum()) / 2, rel=1e-5)
        norms = np.linalg.norm(c + residual) * np.linalg.norm(c + own)
        assert by_angle[column] == pytest.approx(
            float((c + residual) @ (c + own) / max(norms, 1e-9)), abs=1e-5
        )
