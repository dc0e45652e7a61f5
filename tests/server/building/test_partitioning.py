"""Lists and codewords (eq. 3) against plain loops."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsc_common.errors import InvalidInputError
from dsc_server.building.partitioning import codeword, group_by_label, medoid, partition
from dsc_server.scheme_specs import parse_scheme


@given(st.integers(0, 2**32), st.integers(0, 20), st.integers(1, 5))
def test_an_image_is_in_each_of_its_lists(seed: int, num_images: int, depth: int) -> None:
    rng = np.random.default_rng(seed)
    labels = np.array([rng.permutation(6)[:depth] for _ in range(num_images)], dtype=np.int64)
    images, offsets = group_by_label(labels.reshape(num_images, depth), 6)
    for label in range(6):
        expected = [image for image in range(num_images) if label in labels[image].tolist()]
        assert images[offsets[label] : offsets[label + 1]].tolist() == expected


@given(
    st.integers(1, 12).flatmap(lambda k: st.tuples(st.just(k), st.lists(st.integers(0, k - 1), max_size=40)))
)
def test_lists_are_those_of_a_loop(case: tuple[int, list[int]]) -> None:
    num_labels, labels = case
    images, offsets = group_by_label(np.array(labels, dtype=np.int64), num_labels)
    assert images.dtype == offsets.dtype == np.int64
    assert offsets[0] == 0
    for label in range(num_labels):
        expected = [image for image, own in enumerate(labels) if own == label]
        assert images[offsets[label] : offsets[label + 1]].tolist() == expected
    assert offsets[-1] == len(labels)


@pytest.mark.parametrize("label", [-1, 3, 1000])
def test_labels_out_of_range_are_refused(label: int) -> None:
    with pytest.raises(InvalidInputError, match=r"^expected labels from 0 to 2, got "):
        group_by_label(np.array([0, label]), 3)


@given(st.integers(0, 2**32), st.integers(1, 30), st.integers(1, 6))
def test_the_codeword_is_the_mean(seed: int, num_images: int, feature_dim: int) -> None:
    features = np.random.default_rng(seed).standard_normal((num_images, feature_dim)).astype(np.float32)
    c = codeword(features)
    assert c.dtype == np.float32
    for d in range(feature_dim):
        assert c[d] == pytest.approx(sum(float(f) for f in features[:, d]) / num_images, rel=1e-6, abs=1e-7)


def test_the_mean_of_many_features_keeps_its_precision() -> None:
    # A running sum in single precision would be off in the third digit.
    features = np.full((300_000, 1), 0.1, dtype=np.float32)
    assert codeword(features)[0] == np.float32(0.1)


@given(st.integers(0, 2**32), st.integers(1, 12), st.integers(1, 6))
def test_the_medoid_is_the_member_with_the_least_sum_of_squared_distances(
    seed: int, num_images: int, feature_dim: int
) -> None:
    features = np.random.default_rng(seed).standard_normal((num_images, feature_dim)).astype(np.float32)
    sums = [
        sum((float(a) - float(b)) ** 2 for d in features for a, b in zip(c, d, strict=True)) for c in features
    ]
    c = medoid(features)
    assert c.dtype == np.float32
    assert c.tolist() == features[sums.index(min(sums))].tolist()


def test_a_scheme_chooses_between_mean_and_medoid_of_each_partition() -> None:
    features = np.array([[0.0], [1.0], [5.0], [7.0]], dtype=np.float32)
    labels = np.array([0, 0, 0, 2])
    codewords = {
        name: partition(features, labels, 3, parse_scheme(name), 0).codewords[:, 0].tolist()
        for name in ("dsc-pq", "dsc-pq+medoid")
    }
    assert codewords == {"dsc-pq": [2.0, 0.0, 7.0], "dsc-pq+medoid": [1.0, 0.0, 7.0]}
