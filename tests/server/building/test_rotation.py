"""The rotation before a single code: half-whitened principal axes, turned at random."""

import numpy as np
import pytest
from numpy.typing import NDArray

from dsc_server.building import rotation
from dsc_server.building.rotation import learn_rotation

F = 12


def database(count: int, seed: int = 0) -> NDArray[np.float32]:
    """Features whose axes have very different variances, not centred."""
    rng = np.random.default_rng(seed)
    axes = np.linalg.qr(rng.standard_normal((F, F)))[0]
    spread = 2.0 ** -np.arange(F)
    return (rng.standard_normal((count, F)) * spread @ axes.T + 0.3).astype(np.float32)


def projected(features: NDArray[np.float32], width: int, seed: int = 0) -> NDArray[np.float64]:
    """z before it is scaled to unit length."""
    transform = learn_rotation(features, width, seed)
    exact = features.astype(np.float64) - transform.mean
    return np.asarray(exact @ transform.projection.astype(np.float64))


def variances(features: NDArray[np.floating]) -> NDArray[np.float64]:
    """(D,) along the principal axes, largest first."""
    return np.linalg.eigvalsh(np.cov(features.T.astype(np.float64), bias=True))[::-1]


@pytest.mark.parametrize("width", [1, 4, 8, 12])
def test_the_variances_are_the_roots_of_the_largest_ones(width: int) -> None:
    features = database(500)
    found = variances(projected(features, width)).reshape(-1) if width > 1 else projected(features, 1).var()
    np.testing.assert_allclose(found, np.sqrt(variances(features)[:width]), rtol=1e-3)


@pytest.mark.parametrize("width", [4, 8, 12, 20])
def test_the_random_rotation_is_orthogonal(width: int) -> None:
    features = database(500)
    transform = learn_rotation(features, width, seed=0)
    values, vectors = np.linalg.eigh(np.cov(features.T.astype(np.float64), bias=True))
    kept = min(width, F)
    values, vectors = values[::-1][:kept], vectors[:, ::-1][:, :kept]
    turned = values[:, None] ** 0.25 * (vectors.T @ transform.projection.astype(np.float64))  # (kept, width)
    np.testing.assert_allclose(turned @ turned.T, np.eye(kept), atol=1e-3)


def test_it_spreads_the_variance_over_the_dimensions() -> None:
    features = database(2000)
    shares = np.mean([projected(features, 8, seed).var(axis=0) for seed in range(30)], axis=0)
    shares /= shares.sum()
    own = np.sqrt(variances(features)[:8])
    assert own.max() / own.sum() > 0.3  # without it, the first dimension has a third of all
    assert shares.max() < 0.2
    assert shares.min() > 0.05


def test_the_mean_is_that_of_the_database() -> None:
    features = database(100)
    np.testing.assert_allclose(
        learn_rotation(features, 8, 0).mean, features.mean(axis=0, dtype=np.float64), rtol=1e-6
    )


@pytest.mark.parametrize("width", [4, 12, 40])
@pytest.mark.parametrize(
    "features",
    [
        database(1),
        database(2),
        database(3),
        np.repeat(database(1), 5, axis=0),
        np.zeros((3, F), dtype=np.float32),
    ],
    ids=["1", "2", "3", "5 copies", "zeros"],
)
def test_few_images_are_no_trouble(features: NDArray[np.float32], width: int) -> None:
    transform = learn_rotation(features, width, seed=0)
    assert transform.projection.shape == (F, width)
    assert transform.projection.dtype == np.float32
    z = transform.apply(features, width)
    assert np.isfinite(z).all()
    distinct = len({tuple(row) for row in features.tolist()})
    assert np.linalg.matrix_rank(transform.projection) == min(distinct - 1 or F, width)
    assert len({tuple(row) for row in z.round(4).tolist()}) == distinct


def test_more_dimensions_than_the_feature_has_keep_all_there_is() -> None:
    features = database(300)
    wide, whole = projected(features, 40), projected(features, F)
    np.testing.assert_allclose(wide @ wide.T, whole @ whole.T, atol=1e-4)


def test_features_of_one_dimension() -> None:
    features = np.array([[1.0], [2.0], [4.0]], dtype=np.float32)
    z = learn_rotation(features, 4, 0).apply(features, 4)
    np.testing.assert_allclose(np.abs(z @ z.T), np.ones((3, 3)), atol=1e-5)
    assert np.sign((z @ z.T)[0]).tolist() == [1, 1, -1]


def test_a_large_database_is_sampled(monkeypatch: pytest.MonkeyPatch) -> None:
    features = database(400)
    whole = learn_rotation(features, 8, 0)
    monkeypatch.setattr(rotation, "MAX_TRAINING", 200)
    sampled, again = (learn_rotation(features, 8, 0) for _ in range(2))
    assert sampled.projection.tobytes() == again.projection.tobytes()
    assert sampled.mean.tobytes() != whole.mean.tobytes()
    np.testing.assert_allclose(sampled.mean, whole.mean, atol=0.2)


def test_the_seed_decides() -> None:
    features = database(50)
    first, again, other = (learn_rotation(features, 8, seed).projection for seed in (1, 1, 2))
    assert first.tobytes() == again.tobytes()
    assert first.tobytes() != other.tobytes()


@pytest.mark.parametrize(("count", "width"), [(1, 4), (5, 4), (300, 12), (5, 20)])
def test_copies_of_one_image_keep_their_length(count: int, width: int) -> None:
    image = database(1)
    features = np.repeat(image / np.linalg.norm(image), count, axis=0)
    transform = learn_rotation(features, width, seed=0)
    assert not transform.mean.any()
    gram = transform.projection.T @ transform.projection
    np.testing.assert_allclose(gram, np.diag(np.arange(width) < F), atol=1e-5)
    assert np.linalg.norm(projected(features, width), axis=1).min() > 0.1


def test_after_a_whitening_the_axes_are_those_of_the_whitened_features() -> None:
    features, rng = database(500), np.random.default_rng(3)
    whitening = rng.standard_normal((F, F)).astype(np.float32)
    transform = learn_rotation(features, 8, seed=0, whitening=whitening)
    z = (features.astype(np.float64) - transform.mean) @ transform.projection.astype(np.float64)
    whitened = features.astype(np.float64) @ whitening
    np.testing.assert_allclose(variances(z), variances(whitened)[:8] ** 0.75, rtol=5e-3)
    # It turns the axes of W^T q, and nothing else: W^-1 takes it back to them.
    axes = np.linalg.solve(whitening.astype(np.float64), transform.projection)
    values, vectors = np.linalg.eigh(np.cov(whitened.T, bias=True))
    turned = values[::-1][:8, None] ** 0.125 * (vectors[:, ::-1][:, :8].T @ axes)
    np.testing.assert_allclose(turned @ turned.T, np.eye(8), atol=1e-2)


def test_a_whitening_that_only_turns_and_scales_keeps_the_subspace() -> None:
    features = database(500)
    turn = np.linalg.qr(np.random.default_rng(1).standard_normal((F, F)))[0]
    own = learn_rotation(features, 4, seed=0).projection.astype(np.float64)
    other = learn_rotation(features, 4, seed=0, whitening=(7 * turn).astype(np.float32)).projection
    onto = np.linalg.qr(own)[0] @ np.linalg.qr(own)[0].T
    np.testing.assert_allclose(onto @ other, other, atol=1e-3 * np.abs(other).max())


def test_one_image_keeps_its_origin_with_a_whitening() -> None:
    one = database(1)
    whitening = np.diag(np.arange(1.0, F + 1)).astype(np.float32)
    transform = learn_rotation(one, 8, seed=0, whitening=whitening)
    np.testing.assert_array_equal(transform.projection, learn_rotation(one, 8, seed=0).projection)
