"""The index of a database: partitions of every size, exact where they can be, the same every time."""

import itertools
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from dsc_common.codebook.codebook import encode_residual, reconstruct
from dsc_common.codebook.file import codebook_to_bytes
from dsc_common.codebook.precision import Precision
from dsc_common.errors import InvalidInputError
from dsc_common.files import scratch
from dsc_common.packet.format import PacketFormat
from dsc_server.building.index_assignment import ordered_words
from dsc_server.building.indexing import build_index
from dsc_server.building.kmeans import training_rows
from dsc_server.building.partitioning import lists_key, partition
from dsc_server.building.subcodebooks import train_words
from dsc_server.index.semantic_index import SemanticIndex
from dsc_server.scheme_specs import SCHEMES, SchemeSpec, parse_scheme

SIZES = [0, 1, 2, 255, 0, 256, 257]  # J_i
FMT = PacketFormat(num_partitions=len(SIZES), head_labels=3, num_subvectors=4)
FEATURE_DIM = 16


def unit_features(
    rng: np.random.Generator, count: int, feature_dim: int = FEATURE_DIM
) -> NDArray[np.float32]:
    features = rng.standard_normal((count, feature_dim))
    return (features / np.linalg.norm(features, axis=1, keepdims=True)).astype(np.float32)


def database() -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    rng = np.random.default_rng(2)
    return unit_features(rng, sum(SIZES)), rng.permutation(np.repeat(np.arange(len(SIZES)), SIZES))


@pytest.fixture(scope="module")
def index() -> SemanticIndex:
    return build_index(*database(), FMT)


def test_every_partition_has_its_images_words_and_mean(index: SemanticIndex) -> None:
    features, labels = database()
    assert index.list_sizes.tolist() == SIZES
    assert index.codebook.num_words.tolist() == [min(256, size) for size in SIZES]
    for label in range(len(SIZES)):
        members = [image for image in range(len(labels)) if labels[image] == label]
        assert index.images[index.offsets[label] : index.offsets[label + 1]].tolist() == members
        mean = sum(features[image].astype(np.float64) for image in members) / max(1, len(members))
        np.testing.assert_allclose(index.codebook.codewords[label], mean, atol=1e-7)


@pytest.mark.parametrize("scheme", ["exhaustive", "dsc+M=4+spill=1"])
def test_features_beyond_memory_are_mapped_and_the_same(scheme: str, monkeypatch: pytest.MonkeyPatch) -> None:
    in_memory = build_index(*database(), FMT, parse_scheme(scheme))
    monkeypatch.setattr(scratch, "MAX_MEMORY_BYTES", 100)
    mapped = build_index(*database(), FMT, parse_scheme(scheme))
    assert np.array_equal(in_memory.features, mapped.features)
    if scheme == "exhaustive":  # its raw features, held in single precision
        assert isinstance(mapped.features, np.memmap)


def test_words_are_half_precision(index: SemanticIndex) -> None:
    assert index.codebook.words.dtype == np.float16
    assert index.codes.dtype == np.uint8


def test_partitions_of_up_to_256_images_are_coded_without_loss_but_rounding(index: SemanticIndex) -> None:
    features, labels = database()
    for column, image in enumerate(index.images.tolist()):
        label = int(labels[image])
        if SIZES[label] <= 256:
            c = index.codebook.codewords[label]
            rounded = c + (features[image] - c).astype(np.float16).astype(np.float32)
            assert reconstruct(index.codebook, label, index.codes[:, column]).tolist() == rounded.tolist()


def test_the_257_images_are_coded_close_to_what_they_are(index: SemanticIndex) -> None:
    features, labels = database()
    errors = []
    for column in range(index.offsets[6], index.offsets[7]):
        image = index.images[column]
        assert labels[image] == 6
        error = reconstruct(index.codebook, 6, index.codes[:, column]) - features[image]
        errors.append(float(error @ error))
    # One word fewer than images: almost every image keeps a word to itself.
    assert np.median(errors) < 1e-4
    assert max(errors) < 1


def test_codes_are_what_the_device_would_send(index: SemanticIndex) -> None:
    features, labels = database()
    for column in range(0, index.num_images, 7):
        image = index.images[column]
        label = int(labels[image])
        residual = features[image] - index.codebook.codewords[label]
        code = encode_residual(residual, index.codebook.subcodebooks(label))
        assert index.codes[:, column].tolist() == code.tolist()


def test_twice_the_same(index: SemanticIndex) -> None:
    again = build_index(*database(), FMT)
    assert codebook_to_bytes(again.codebook) == codebook_to_bytes(index.codebook)
    assert again.codes.tobytes() == index.codes.tobytes()
    assert again.images.tobytes() == index.images.tobytes()


def test_the_seed_changes_only_partitions_that_need_k_means(index: SemanticIndex) -> None:
    other = build_index(*database(), FMT, seed=5)
    for label in range(len(SIZES)):
        same = np.array_equal(other.codebook.subcodebooks(label), index.codebook.subcodebooks(label))
        assert same == (SIZES[label] <= 256)


def test_memory_mapped_features_give_the_same(index: SemanticIndex, tmp_path: Path) -> None:
    features, labels = database()
    np.save(tmp_path / "f.npy", features)
    mapped = np.load(tmp_path / "f.npy", mmap_mode="r")
    assert codebook_to_bytes(build_index(mapped, labels, FMT).codebook) == codebook_to_bytes(index.codebook)


@pytest.mark.parametrize(
    ("name", "bits"),
    [("dsc-pq", 8), ("dsc-pq+fused", 4), ("dsc-raw", 4), ("duc-pq+M=3", 4), ("dsc-shared+augmentation=3", 4)],
)
def test_blocks_of_a_large_partition_do_not_show(
    name: str, bits: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    fmt = replace(FMT, bits_per_subvector=bits)  # few words: a block does not depend on their number
    whole = build_index(*database(), fmt, parse_scheme(name))
    monkeypatch.setattr("dsc_server.building.indexing.ROWS_AT_ONCE", 50)
    blocks = build_index(*database(), fmt, parse_scheme(name))
    assert codebook_to_bytes(blocks.codebook) == codebook_to_bytes(whole.codebook)
    assert blocks.codes.tolist() == whole.codes.tolist()
    np.testing.assert_allclose(blocks.features, whole.features, atol=1e-3)  # half precision, matrix products


IN_BLOCKS = [
    ("neighbours", "ROWS_AT_ONCE"),
    ("neighbours", "IMAGES_AT_ONCE"),
    ("augmentation", "ROWS_AT_ONCE"),
    ("cells", "ROWS_AT_ONCE"),
    ("indexing", "ROWS_AT_ONCE"),
    ("rotation", "ROWS_AT_ONCE"),
]


@pytest.mark.parametrize("name", ["dsc", "dsc-pq+spill=2", "duc-ivf-pq+K=9", "duc-pq", "analog-pca+D=30"])
def test_the_number_of_threads_does_not_show(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dsc_server.building.neighbours.EXACT_UP_TO", 500)
    monkeypatch.setattr("dsc_server.building.lloyd.AT_ONCE", 1 << 16)
    for module, name_of_size in IN_BLOCKS:
        monkeypatch.setattr(f"dsc_server.building.{module}.{name_of_size}", 300)
    rng = np.random.default_rng(6)
    features, labels = unit_features(rng, 700, 320), rng.permuted(np.tile(np.arange(7), (700, 1)), axis=1)
    found = []
    for threads in (1, 3):
        with threadpool_limits(threads):
            index = build_index(features, labels, FMT, parse_scheme(name))
        book = codebook_to_bytes(index.codebook)
        found.append((book, index.codes.tobytes(), index.features.tobytes(), index.summary.label_model.beta))
    assert found[0] == found[1]


def test_words_of_a_very_large_partition_are_trained_on_some_of_it() -> None:
    # 2 words and 1000 images: k-means takes 512 of them.
    features = unit_features(np.random.default_rng(4), 1000)
    index = build_index(features, np.zeros(1000, dtype=np.int64), PacketFormat(1, 1, 4, 1))
    residuals = features - index.codebook.codewords[0]
    sample = residuals[training_rows(1000, 2, 0)]
    assert len(sample) == 512
    words = ordered_words(train_words(sample, 4, 2, seed=0)).astype(np.float16).astype(np.float32)
    assert index.codebook.subcodebooks(0).tolist() == words.tolist()
    assert index.codes.T.tolist() == [encode_residual(residual, words).tolist() for residual in residuals]


@pytest.mark.parametrize("name", SCHEMES)
def test_lists_that_are_known_are_not_made_again(name: str) -> None:
    features, labels = database()
    labels = np.stack([(labels + step) % len(SIZES) for step in range(5)], axis=1)
    spec = parse_scheme(name)
    fmt = replace(FMT, bits_per_subvector=4)  # few words: what is told does not depend on their number
    lists = partition(features, labels, fmt.num_partitions, spec, 0)
    index, given_lists = (
        build_index(features, labels, fmt, spec),
        build_index(features, np.zeros((len(features), 5), dtype=np.int64), fmt, spec, lists=lists),
    )
    assert codebook_to_bytes(given_lists.codebook) == codebook_to_bytes(index.codebook)
    assert given_lists.images.tolist() == index.images.tolist()
    assert given_lists.codes.tolist() == index.codes.tolist()


def test_schemes_of_the_same_cells_have_the_same_key() -> None:
    key = {name: lists_key(parse_scheme(name)) for name in SCHEMES}
    assert key["duc-ivf-raw"] == key["duc-ivf-pq"] == key["duc-gp-raw"]
    assert key["duc-imi-raw"] == key["duc-imi-pq"]
    assert key["dsc-raw"] == key["dsc-pq"] == key["dsc-shared"]
    assert key["duc-pq"] == key["exhaustive"]
    assert len(set(key.values())) == 5  # and dsc, with its spill
    assert lists_key(parse_scheme("duc-ivf-pq+K=9")) != key["duc-ivf-pq"]
    assert lists_key(parse_scheme("duc-ivf-pq+spill=2")) != key["duc-ivf-pq"]
    assert lists_key(parse_scheme("dsc-pq+medoid")) != key["dsc-pq"]


def test_images_are_encoded_with_the_rounded_words_that_the_device_has() -> None:
    # The first two differ by less than half precision can tell: their words are equal, and the first wins.
    # By the words before rounding the second would have a code of its own, which no device would send.
    features = np.array([[0.6, 0.8], [0.6 + 1e-5, 0.8], [-0.6, -0.8]], dtype=np.float32)
    index = build_index(features, np.zeros(3, dtype=np.int64), PacketFormat(1, 1, 1))
    words = index.codebook.subcodebooks(0)
    assert words[0].tolist() == words[1].tolist()
    assert index.codes.tolist() == [[0, 0, 2]]


def test_words_in_single_precision_are_exact() -> None:
    features, labels = unit_features(np.random.default_rng(0), 9), np.zeros(9, dtype=np.int64)
    index = build_index(features, labels, PacketFormat(1, 1, 4), precision=Precision.FLOAT32)
    assert index.codebook.words.dtype == np.float32
    for column, image in enumerate(index.images):
        c = index.codebook.codewords[0]
        expected = c + (features[image] - c)
        assert reconstruct(index.codebook, 0, index.codes[:, column]).tolist() == expected.tolist()


@given(
    st.lists(st.integers(0, 4), min_size=1, max_size=30),
    st.integers(1, 4),
    st.integers(1, 3),
    st.integers(0, 99),
)
def test_any_small_database(labels: list[int], num_subvectors: int, bits: int, seed: int) -> None:
    fmt = PacketFormat(5, 2, num_subvectors, bits)
    features = unit_features(np.random.default_rng(seed), len(labels), 2 * num_subvectors)
    index = build_index(features, np.array(labels, dtype=np.int64), fmt)
    sizes = [labels.count(label) for label in range(5)]
    assert index.list_sizes.tolist() == sizes
    assert index.codebook.num_words.tolist() == [min(2**bits, size) for size in sizes]
    assert sorted(index.images.tolist()) == list(range(len(labels)))
    for label, (start, stop) in enumerate(itertools.pairwise(index.offsets.tolist())):
        assert all(labels[image] == label for image in index.images[start:stop])


@pytest.mark.parametrize("spec", SCHEMES.values(), ids=SCHEMES.keys())
def test_an_empty_database_is_refused(spec: SchemeSpec) -> None:
    features = np.zeros((0, 16), dtype=np.float32)
    for labels in (np.zeros(0, dtype=np.int64), np.zeros((0, 10), dtype=np.int64)):
        with pytest.raises(InvalidInputError, match=r"^expected at least one image$"):
            build_index(features, labels, FMT, spec)


def test_progress_is_shown_over_all_partitions() -> None:
    seen: list[tuple[str, int, list[int]]] = []

    def track(items: Iterable[int], what: str, total: int) -> Iterable[int]:
        seen.append((what, total, []))
        for item in items:
            seen[-1][2].append(item)
            yield item

    build_index(np.ones((1, 16), dtype=np.float32), np.array([4]), FMT, track=track)
    assert seen == [("encoding partitions", 7, list(range(7)))]


@pytest.mark.parametrize("feature_dim", [1, 3, 13, 14, 15])
def test_where_m_does_not_divide_f_zeros_are_added_and_nothing_changes(feature_dim: int) -> None:
    rng = np.random.default_rng(feature_dim)
    features = unit_features(rng, 40, feature_dim)
    labels = rng.integers(0, len(SIZES), 40)
    width = -(-feature_dim // 4) * 4
    by_hand = np.zeros((40, width), dtype=np.float32)
    by_hand[:, :feature_dim] = features
    found, expected = build_index(features, labels, FMT), build_index(by_hand, labels, FMT)
    assert codebook_to_bytes(found.codebook) == codebook_to_bytes(expected.codebook)
    assert found.codes.tolist() == expected.codes.tolist()
    assert found.codebook.dim == width
    assert not found.codebook.codewords[:, feature_dim:].any()


def test_what_cannot_be_placed_is_refused() -> None:
    features = np.zeros((1, 15), dtype=np.float32)
    with pytest.raises(InvalidInputError, match=r"^expected labels from 0 to 6, got 7 … 7$"):
        build_index(features[:, :12], np.array([7]), FMT)


@pytest.mark.parametrize("count", [100, 700])  # fewer images than words, and more
@pytest.mark.parametrize("name", ["dsc", "dsc-shared", "dsc-shared+unordered"])
def test_one_code_of_each_image_is_that_of_what_it_is_ranked_by(name: str, count: int) -> None:
    rng = np.random.default_rng(3)
    features, labels = unit_features(rng, count), rng.integers(0, 5, (count, 5))
    fmt = PacketFormat(num_partitions=5, head_labels=3)
    spec = replace(parse_scheme(name), num_subvectors=4, projection_dim=8)
    index = build_index(features, labels, fmt, spec)
    words = index.codebook.subcodebooks(0)
    assert index.codes.shape == (4, count)
    assert len(words) == min(256, count)
    for image in range(0, count, 13):
        code = encode_residual(index.features[image].astype(np.float32), words)
        assert index.codes[:, image].tolist() == code.tolist()
    again = build_index(features, labels, fmt, spec)
    assert codebook_to_bytes(again.codebook) == codebook_to_bytes(index.codebook)
    assert again.codes.tobytes() == index.codes.tobytes()
