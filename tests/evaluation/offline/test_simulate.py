"""Simulated database images: deterministic, calibrated, and like the real ones they are fitted on."""

import dataclasses

import numpy as np
import pytest

from dsc_common.errors import InvalidInputError
from dsc_common.features.extraction import Extraction
from dsc_eval.features.benchmark_features import BenchmarkFeatures
from dsc_eval.offline import simulate

K, F, A = 20, 12, 6


def real(num_images: int = 300, seed: int = 0) -> tuple[BenchmarkFeatures, np.ndarray]:
    """Images around centres of unequal frequency; labels 2k and 2k + 1 are confused; labels 18, 19 unseen."""
    rng = np.random.default_rng(seed)
    centres = rng.standard_normal((K, F))
    shares = 1.0 / np.arange(1, K - 1)
    labels = rng.choice(K - 2, size=num_images, p=shares / shares.sum())
    database = centres[labels] + 0.3 * rng.standard_normal((num_images, F))
    database = (database / np.linalg.norm(database, axis=1, keepdims=True)).astype(np.float32)
    others = np.stack([rng.permutation([x for x in range(18) if x // 2 != y // 2])[: A - 2] for y in labels])
    top_labels = np.column_stack([labels, labels ^ 1, others]).astype(np.int64)
    top_probabilities = np.tile(
        np.array([0.7, 0.2, 0.04, 0.03, 0.02, 0.01], dtype=np.float32), (num_images, 1)
    )
    query = Extraction(database[0], np.full(K, 1 / K, dtype=np.float32))
    return features_of(database, top_labels, top_probabilities, [query]), centres


def features_of(
    database: np.ndarray, top_labels: np.ndarray, top_probabilities: np.ndarray, queries: list[Extraction]
) -> BenchmarkFeatures:
    return BenchmarkFeatures(
        database=database,
        top_labels=top_labels,
        top_probabilities=top_probabilities,
        queries=queries,
        num_labels=K,
    )


def test_partitions_are_as_uneven_as_in_a_real_database_of_that_size() -> None:
    # About 930 of 1000 labels have fewer than 256 of 105,000 images.
    frequencies = simulate.label_frequencies(np.arange(1000, 0, -1.0))
    assert frequencies.sum() == pytest.approx(1)
    assert 925 <= int((105_000 * frequencies < 256).sum()) <= 935
    drawn = np.random.default_rng(0).multinomial(105_000, frequencies)
    assert 915 <= int((drawn < 256).sum()) <= 945


def test_frequencies_follow_the_order_of_the_evidence() -> None:
    frequencies = simulate.label_frequencies(np.array([1.0, 9.0, 0.0, 4.0]))
    assert np.argsort(-frequencies).tolist() == [1, 3, 0, 2]


def test_real_images_come_first_and_stay_as_they_are() -> None:
    features, _ = real()
    more = simulate.with_simulated(features, 500)
    assert more.database[:300].tobytes() == features.database.tobytes()
    assert np.array_equal(more.top_labels[:300], features.top_labels)
    assert np.array_equal(more.top_probabilities[:300], features.top_probabilities)
    assert (len(more.database), len(more.top_labels), len(more.top_probabilities)) == (800, 800, 800)
    assert more.queries is features.queries


def test_none_is_the_real_database() -> None:
    features, _ = real()
    assert simulate.with_simulated(features, 0) is features


def test_the_seed_decides_and_a_longer_draw_begins_like_a_shorter_one() -> None:
    features, _ = real()
    short, again = (simulate.with_simulated(features, 700, seed=3) for _ in range(2))
    assert short.database.tobytes() == again.database.tobytes()
    long = simulate.with_simulated(features, simulate.CHUNK + 700, seed=3)
    assert long.database[:1000].tobytes() == short.database.tobytes()
    assert np.array_equal(long.top_labels[:1000], short.top_labels)
    other = simulate.with_simulated(features, 700, seed=4)
    assert not np.array_equal(other.database[300:], short.database[300:])


def test_simulated_images_are_unit_vectors_with_different_labels() -> None:
    features, _ = real()
    drawn = simulate.with_simulated(features, 400)
    assert np.allclose(np.linalg.norm(drawn.database, axis=1), 1, atol=1e-5)
    assert all(len(set(row)) == A for row in drawn.top_labels.tolist())
    assert 0 <= drawn.top_labels.min() <= drawn.top_labels.max() < K


def test_they_lie_around_their_labels_prototype() -> None:
    features, centres = real(2000)
    drawn = simulate.with_simulated(features, 2000)
    drawn_labels = drawn.top_labels[2000:, 0]
    cosines = drawn.database[2000:] @ (centres / np.linalg.norm(centres, axis=1, keepdims=True)).T
    seen = drawn_labels < 18
    own = cosines[np.arange(2000), drawn_labels][seen]
    assert own.mean() > 0.8
    assert (own == cosines[seen].max(axis=1)).mean() > 0.8


def test_confusion_is_the_real_images() -> None:
    # In the real data label 2k + 1 is always the second of label 2k, and the other way round.
    features, _ = real(2000)
    drawn = simulate.with_simulated(features, 3000).top_labels[2000:]
    drawn = drawn[drawn[:, 0] < 18]
    together = (drawn[:, 1:] == (drawn[:, :1] ^ 1)).any(axis=1)
    assert together.mean() > 0.9


def test_the_covariance_within_labels_is_kept() -> None:
    rng = np.random.default_rng(5)
    mixing = rng.standard_normal((F, F))
    database = (rng.standard_normal((5000, F)) @ mixing).astype(np.float32)
    factors, deviations = simulate._within_labels(database, np.zeros(5000, dtype=np.int64))
    model = factors.T @ factors + np.diag(deviations**2)
    expected = np.cov(database.T.astype(np.float64))
    assert np.allclose(model, expected, atol=1e-2 * np.abs(expected).max())


def test_large_databases_are_kept_in_half_precision(monkeypatch: pytest.MonkeyPatch) -> None:
    features, _ = real()
    single = simulate.with_simulated(features, 100)
    monkeypatch.setattr(simulate, "MAX_FLOAT32_BYTES", 1000)
    half = simulate.with_simulated(features, 100)
    assert half.database.dtype == np.float16
    assert np.allclose(half.database, single.database, atol=1e-3)


def test_an_impossible_simulation_is_refused() -> None:
    features, _ = real()
    with pytest.raises(InvalidInputError, match="at least 0 simulated images, got -1"):
        simulate.with_simulated(features, -1)
    none = dataclasses.replace(
        features,
        database=features.database[:0],
        top_labels=features.top_labels[:0],
        top_probabilities=features.top_probabilities[:0],
    )
    with pytest.raises(InvalidInputError, match="expected real images"):
        simulate.with_simulated(none, 5)
