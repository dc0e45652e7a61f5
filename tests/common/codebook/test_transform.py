"""The map before a quantizer: affine and of unit length, or nothing but zeros at the end."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsc_common.codebook import transform
from dsc_common.codebook.transform import Transform
from dsc_common.errors import InvalidInputError


def example(seed: int, feature_dim: int, width: int) -> Transform:
    rng = np.random.default_rng(seed)
    mean = rng.standard_normal(feature_dim).astype(np.float32)
    return Transform(mean, rng.standard_normal((feature_dim, width)).astype(np.float32))


@given(st.integers(0, 2**32), st.integers(0, 5), st.integers(1, 6), st.integers(1, 6))
def test_with_a_projection_it_is_that_of_plain_loops(
    seed: int, count: int, feature_dim: int, width: int
) -> None:
    affine = example(seed, feature_dim, width)
    features = np.random.default_rng(seed + 1).standard_normal((count, feature_dim)).astype(np.float32)
    z = affine.apply(features, width)
    assert z.shape == (count, width)
    assert z.dtype == np.float32
    for n in range(count):
        expected = [
            sum(
                (float(features[n, f]) - float(affine.mean[f])) * float(affine.projection[f, d])
                for f in range(feature_dim)
            )
            for d in range(width)
        ]
        norm = math.sqrt(sum(value * value for value in expected))
        np.testing.assert_allclose(z[n], [value / norm for value in expected], atol=1e-4)


@given(st.integers(0, 4), st.integers(1, 6), st.integers(0, 5))
def test_without_one_it_adds_zeros_and_changes_nothing_else(count: int, feature_dim: int, more: int) -> None:
    features = np.random.default_rng(count).standard_normal((count, feature_dim)).astype(np.float32)
    z = Transform().apply(features, feature_dim + more)
    assert z[:, :feature_dim].tobytes() == features.tobytes()
    assert z[:, feature_dim:].tolist() == [[0.0] * more] * count


def test_what_lies_at_the_mean_stays_zero() -> None:
    affine = example(0, 5, 3)
    assert affine.apply(np.stack([affine.mean] * 2), 3).tolist() == [[0.0] * 3] * 2


def test_blocks_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    affine = example(0, 5, 3)
    features = np.random.default_rng(1).standard_normal((7, 5)).astype(np.float32)
    whole = affine.apply(features, 3)
    monkeypatch.setattr(transform, "ROWS_AT_ONCE", 3)
    np.testing.assert_allclose(affine.apply(features, 3), whole, atol=1e-6)


@pytest.mark.parametrize(
    ("mean", "projection"), [((3,), (4, 2)), ((0,), (4, 2)), ((4,), (0, 0)), ((4,), (4,))]
)
def test_parts_that_do_not_fit_are_refused(mean: tuple[int, ...], projection: tuple[int, ...]) -> None:
    with pytest.raises(InvalidInputError, match=r"^expected a mean \(F,\) and a projection \(F, D\), got "):
        Transform(np.zeros(mean, dtype=np.float32), np.zeros(projection, dtype=np.float32))
