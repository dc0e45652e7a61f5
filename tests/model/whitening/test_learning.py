"""Whitening from matched pairs: a plain loop, closed forms, and what must not change it."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from dsc_common.errors import InvalidInputError
from dsc_model.whitening.learning import learn_whitening

LEAST = 1e-9  # so little shrinkage that closed forms hold without it


def photos_of_things(things: int, width: int, seed: int) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Three photos of each thing, not centred, and each matched pair."""
    rng = np.random.default_rng(seed)
    centres = np.repeat(rng.standard_normal((things, width)), 3, axis=0)
    found = centres + 0.3 * rng.standard_normal(centres.shape) * rng.uniform(0.2, 2, width) + 0.7
    pairs = [(3 * t + a, 3 * t + b) for t in range(things) for a in range(3) for b in range(3) if a != b]
    return found.astype(np.float32), np.array(pairs)


def covariance_of_pairs(z: NDArray[np.floating], pairs: NDArray[np.int64]) -> NDArray[np.float64]:
    differences = (z[pairs[:, 0]] - z[pairs[:, 1]]).astype(np.float64)
    return np.asarray(differences.T @ differences / len(pairs))


@pytest.mark.parametrize("shrinkage", [0.01, 0.3, 1.0])
def test_it_is_what_plain_loops_give(shrinkage: float) -> None:
    width = 5
    x, pairs = photos_of_things(4, width, seed=1)
    mean = sum((x[q].astype(float) for q, _ in pairs), np.zeros(width)) / len(pairs)
    covariance = np.zeros((width, width))
    for q, p in pairs:
        for i in range(width):
            for j in range(width):
                covariance[i, j] += (float(x[q, i]) - float(x[p, i])) * (float(x[q, j]) - float(x[p, j]))
    covariance /= len(pairs)
    share = sum(covariance[i, i] for i in range(width)) / width
    for i in range(width):
        for j in range(width):
            covariance[i, j] = (1 - shrinkage) * covariance[i, j] + shrinkage * share * (i == j)
    root = np.zeros((width, width))  # Cholesky, row by row
    for i in range(width):
        for j in range(i + 1):
            rest = covariance[i, j] - sum(root[i, k] * root[j, k] for k in range(j))
            root[i, j] = math.sqrt(rest) if i == j else rest / root[j, j]
    spread = np.zeros((width, width))
    for row in x:
        z = np.linalg.solve(root, row - mean)
        spread += np.outer(z, z) / len(x)
    values, vectors = np.linalg.eigh(spread)
    order = sorted(range(width), key=lambda i: -values[i])
    found_mean, projection = learn_whitening(x, pairs, shrinkage)
    np.testing.assert_allclose(found_mean, mean, rtol=1e-5)
    for column, number in enumerate(order):
        expected = np.linalg.solve(root.T, vectors[:, number])
        sign = np.sign(expected @ projection[:, column])
        np.testing.assert_allclose(sign * projection[:, column], expected, rtol=1e-3, atol=1e-4)


def test_axes_with_known_differences() -> None:
    """Pairs differ by ±a_i along axis i, so C_S = diag(a_i^2)/3; things lie at ±b_i: order b_i/a_i."""
    a, b = np.array([2.0, 0.5, 1.0]), np.array([3.0, 3.0, 40.0])
    x, pairs = [], []
    for axis in range(3):
        for sign in (-1, 1):
            centre = sign * b[axis] * np.eye(3)[axis]
            pairs += [(len(x), len(x) + 1), (len(x) + 1, len(x))]
            x += [centre - a[axis] / 2 * np.eye(3)[axis], centre + a[axis] / 2 * np.eye(3)[axis]]
    mean, projection = learn_whitening(np.array(x, dtype=np.float32), np.array(pairs), LEAST)
    np.testing.assert_allclose(mean, 0, atol=1e-6)
    order = np.argsort(-(b / a))  # 40/1, 3/0.5, 3/2
    expected = np.diag(math.sqrt(3) / a)[:, order]
    np.testing.assert_allclose(np.abs(projection), expected, rtol=1e-4, atol=1e-4)


@settings(max_examples=30, deadline=None)
@given(things=st.integers(6, 12), width=st.integers(1, 8), seed=st.integers(0, 1000))
def test_differences_become_white_and_directions_are_sorted(things: int, width: int, seed: int) -> None:
    x, pairs = photos_of_things(things, width, seed)
    mean, projection = learn_whitening(x, pairs, LEAST)
    z = (x - mean) @ projection.astype(np.float64)
    np.testing.assert_allclose(covariance_of_pairs(z, pairs), np.eye(width), atol=2e-3)
    spread = z.T @ z / len(z)
    np.testing.assert_allclose(spread, np.diag(np.diag(spread)), atol=2e-3 * spread.max())
    assert (np.diff(np.diag(spread)) <= 1e-3 * spread.max()).all()


def distances(x: NDArray[np.floating], projection: NDArray[np.floating]) -> NDArray[np.float64]:
    z = x.astype(np.float64) @ projection.astype(np.float64)
    return np.asarray(np.linalg.norm(z[:, None] - z[None], axis=2))


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 1000), shrinkage=st.floats(0.05, 1.0), scale=st.floats(0.1, 10.0))
def test_turned_moved_and_scaled_descriptors_keep_their_distances(
    seed: int, shrinkage: float, scale: float
) -> None:
    x, pairs = photos_of_things(4, 6, seed)
    turn = np.linalg.qr(np.random.default_rng(seed).standard_normal((6, 6)))[0]
    moved = (scale * x @ turn + 2.0).astype(np.float32)
    expected = distances(x, learn_whitening(x, pairs, shrinkage)[1])
    np.testing.assert_allclose(
        distances(moved, learn_whitening(moved, pairs, shrinkage)[1]), expected, rtol=0.01, atol=0.01
    )


def test_neither_the_order_of_a_pair_nor_repetition_changes_distances() -> None:
    x, pairs = photos_of_things(5, 6, seed=3)
    half = pairs[pairs[:, 0] < pairs[:, 1]]
    expected = distances(x, learn_whitening(x, pairs)[1])
    for others in (half, half[:, ::-1], np.concatenate([pairs, pairs])):
        np.testing.assert_allclose(distances(x, learn_whitening(x, others)[1]), expected, rtol=1e-3)


def test_fewer_pairs_than_dimensions_give_finite_numbers() -> None:
    x, pairs = photos_of_things(1, 40, seed=0)
    _, projection = learn_whitening(x, pairs[:1])
    assert np.isfinite(projection).all()
    along = (x[0] - x[1]) / np.linalg.norm(x[0] - x[1])
    gains = np.linalg.norm(
        np.vstack([along, np.linalg.qr(along[:, None], "complete")[0][:, 1:].T]) @ projection, axis=1
    )
    # C_S = d d^T has one value |d|^2; shrunk, it is (0.7 + 0.3/40) |d|^2 along d, and 0.3/40 |d|^2 elsewhere.
    np.testing.assert_allclose(gains[1:] / gains[0], math.sqrt((0.7 + 0.3 / 40) / (0.3 / 40)), rtol=1e-3)


def test_full_shrinkage_only_turns_and_scales() -> None:
    x, pairs = photos_of_things(4, 6, seed=5)
    _, projection = learn_whitening(x, pairs, 1.0)
    product = projection @ projection.T
    np.testing.assert_allclose(product, product[0, 0] * np.eye(6), atol=1e-4 * product[0, 0])


@pytest.mark.parametrize(
    ("same", "pairs", "shrinkage", "line"),
    [
        (
            False,
            np.zeros((0, 2), dtype=np.int64),
            0.3,
            "expected at least one pair of matched photos, got none",
        ),
        (True, np.array([[0, 1]]), 0.3, "expected matched photos of different features"),
        (False, np.array([[0, 1]]), 0.0, "expected a shrinkage above 0 and at most 1, got 0"),
        (False, np.array([[0, 1]]), 1.5, "expected a shrinkage above 0 and at most 1, got 1.5"),
    ],
)
def test_what_is_refused(same: bool, pairs: NDArray[np.int64], shrinkage: float, line: str) -> None:
    x = np.ones((2, 3), dtype=np.float32) if same else np.eye(3, dtype=np.float32)[:2]
    with pytest.raises(InvalidInputError, match=line):
        learn_whitening(x, pairs, shrinkage)
