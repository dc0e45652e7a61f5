"""Features and labels of a database → its inverted index, for any scheme (eqs. 3–6)."""

import numpy as np
from numpy.typing import NDArray

from dsc_common.codebook.codebook import Codebook
from dsc_common.codebook.precision import Precision, Stored, restore, store
from dsc_common.codebook.transform import ROWS_AT_ONCE, Transform
from dsc_common.errors import InvalidInputError
from dsc_common.files.scratch import scratch_array
from dsc_common.packet.format import PacketFormat, Payload
from dsc_common.progress import Track, untracked
from dsc_common.vectors import normalised
from dsc_server.building.augmentation import augment
from dsc_server.building.batch_encoding import encode_residuals
from dsc_server.building.channel_optimised_vq import POINTS_PER_WORD, channel_optimised_words
from dsc_server.building.grouping import group
from dsc_server.building.index_assignment import ordered_words, shuffled_words
from dsc_server.building.kmeans import sample_rows, training_rows
from dsc_server.building.parallel import blocks_of, in_threads, with_one_blas_thread
from dsc_server.building.partitioning import InvertedLists, partition
from dsc_server.building.rotation import learn_rotation
from dsc_server.building.scheme_format import scheme_format
from dsc_server.building.subcodebooks import train_words
from dsc_server.index.semantic_index import SemanticIndex
from dsc_server.index.summary import DatabaseSummary, learn_labels
from dsc_server.scheme_specs import SCHEMES, Partitioning, SchemeSpec


@with_one_blas_thread
def build_index(
    features: NDArray[np.float32],
    labels: NDArray[np.int64],
    fmt: PacketFormat,
    spec: SchemeSpec = SCHEMES["dsc-pq"],
    *,
    precision: Precision = Precision.FLOAT16,
    seed: int = 0,
    track: Track[int] = untracked,
    lists: InvertedLists | None = None,
    whitening: NDArray[np.float32] | None = None,
) -> SemanticIndex:
    """Index of N images.

    Words are rounded to `precision` before encoding: the device downloads them in this type, and both sides
    must use the same words.

    Args:
        features: (N, F) float32, N ≥ 1, maybe memory-mapped.
        labels: (N, A) or (N,) int64: the A ≥ spill most likely labels of each image, most likely first.
        fmt: T, L, head codec, and K if partitions are labels; the scheme sets all other fields.
        spec: the scheme; by default the scheme of the paper.
        precision: of the words; float16 halves the download and the memory of the device, int8 again.
        seed: seed of k-means and of the rotation.
        track: shows progress over partitions.
        lists: result of `partition` for the same arguments, if available.
        whitening: (F, F') projection learned from matched pairs, for the rotation of schemes that have one.

    Raises:
        InvalidInputError: no image, a label out of range, or a head larger than K.
    """
    if not len(features):
        raise InvalidInputError("expected at least one image")
    lists = lists or partition(features, labels, fmt.num_partitions, spec, seed)
    fmt = scheme_format(fmt, spec, lists.num_partitions, features.shape[1])
    if spec.payload is Payload.CODES:
        codebook, codes = _with_codes(features, lists, fmt, spec, precision, seed, track)
    elif spec.payload is Payload.CODE:
        codebook, codes = _with_one_code(features, fmt, spec, precision, seed, whitening), None
    else:
        codebook, codes = _without_codes(features, lists, fmt, spec, seed, whitening), _no_codes(fmt)
    compared = _no_features() if not spec.keeps_features else _ranking_features(features, codebook, spec)
    if codes is None:
        codes = _codes_of_images(compared, codebook)
    return SemanticIndex(
        _summary(fmt, codebook, codes, lists, compared, spec),
        codes,
        lists.images,
        lists.offsets,
        compared,
        group(features, lists.codewords, lists.images, lists.offsets)
        if spec.partitioning is Partitioning.GROUPED
        else None,
        spec.ranking,
        spec.expansion,
    )


def _summary(
    fmt: PacketFormat,
    codebook: Codebook,
    codes: NDArray[np.uint8],
    lists: InvertedLists,
    compared: NDArray[np.floating],
    spec: SchemeSpec,
) -> DatabaseSummary:
    model = learn_labels(codebook, codes, lists.images, lists.offsets, compared)
    num_images = np.unique(lists.images).size
    return DatabaseSummary(fmt, codebook, np.diff(lists.offsets), num_images, model, spec.probes)


def _robust(words: NDArray[np.float32], spec: SchemeSpec, seed: int) -> NDArray[np.float32]:
    """The words in an order that tolerates bit errors, or in a random order."""
    return ordered_words(words) if spec.ordered else shuffled_words(words, seed)


def _with_codes(
    features: NDArray[np.float32],
    lists: InvertedLists,
    fmt: PacketFormat,
    spec: SchemeSpec,
    precision: Precision,
    seed: int,
    track: Track[int],
) -> tuple[Codebook, NDArray[np.uint8]]:
    """One code per entry, relative to its partition; only one block of features is in memory at a time."""
    max_words = 1 << fmt.bits_per_subvector
    codewords = _padded(lists.codewords, fmt)
    width = codewords.shape[1] // fmt.num_subvectors
    blocks = [store(np.zeros((0, fmt.num_subvectors, width), dtype=np.float32), precision)[0]]
    scales = np.ones((fmt.num_partitions, fmt.num_subvectors), dtype=np.float32)
    codes = np.zeros((fmt.num_subvectors, lists.images.size), dtype=np.uint8)
    sizes = np.zeros(fmt.num_partitions, dtype=np.int64)
    for label in track(range(fmt.num_partitions), "encoding partitions", fmt.num_partitions):
        columns = slice(lists.offsets[label], lists.offsets[label + 1])
        if columns.start == columns.stop:
            continue
        images, c = lists.images[columns], codewords[label]
        trained_on = images[training_rows(len(images), max_words, seed)]
        words = train_words(_residuals(features, trained_on, c), fmt.num_subvectors, max_words, seed)
        stored, scales[label] = store(_robust(words, spec, seed + label), precision)
        restored = restore(stored, scales[label])
        blocks.append(stored)
        sizes[label] = len(words)
        for rows in blocks_of(len(images), ROWS_AT_ONCE):
            residuals = _residuals(features, images[rows], c)
            codes[:, columns][:, rows] = encode_residuals(residuals, restored)
    words_of_all = np.concatenate(blocks)
    return Codebook(codewords, words_of_all, _offsets(sizes), scales=_scales_of(words_of_all, scales)), codes


def _scales_of(words: Stored, scales: NDArray[np.float32]) -> NDArray[np.float32]:
    """The scales of int8 words; none for others."""
    return scales if words.dtype == np.int8 else np.zeros((0, 0), dtype=np.float32)


def _with_one_code(
    features: NDArray[np.float32],
    fmt: PacketFormat,
    spec: SchemeSpec,
    precision: Precision,
    seed: int,
    whitening: NDArray[np.float32] | None,
) -> Codebook:
    """One quantizer for all partitions, after a rotation: a codebook with a single partition around zero."""
    width = -(-spec.projection_dim // fmt.num_subvectors) * fmt.num_subvectors
    transform = learn_rotation(features, width, seed, whitening)
    words, scales = store(_words_for_all(features, transform, fmt, spec, seed), precision)
    codewords, offsets = np.zeros((1, width), dtype=np.float32), np.array([0, len(words)])
    return Codebook(codewords, words, offsets, transform, _scales_of(words, scales[None]))


def _codes_of_images(compared: NDArray[np.floating], codebook: Codebook) -> NDArray[np.uint8]:
    """(N, D) → (M, N) uint8: the code of each image in the single partition of the codebook."""
    words = codebook.subcodebooks(0)
    codes = np.empty((codebook.num_subvectors, len(compared)), dtype=np.uint8)

    def encode(rows: slice) -> None:
        codes[:, rows] = encode_residuals(compared[rows].astype(np.float32), words)

    in_threads(encode, blocks_of(len(compared), ROWS_AT_ONCE))
    return codes


def _words_for_all(
    features: NDArray[np.float32], transform: Transform, fmt: PacketFormat, spec: SchemeSpec, seed: int
) -> NDArray[np.float32]:
    """(n, M, D/M) float32: channel-optimised if the scheme orders words and images outnumber words."""
    max_words = 1 << fmt.bits_per_subvector
    width = transform.projection.shape[1]
    if spec.ordered and len(features) > max_words:
        sample = features[sample_rows(len(features), POINTS_PER_WORD * max_words, seed)]
        points = transform.apply(sample, width)
        return channel_optimised_words(points, fmt.num_subvectors, fmt.bits_per_subvector)
    sample = features[training_rows(len(features), max_words, seed)]
    words = train_words(transform.apply(sample, width), fmt.num_subvectors, max_words, seed)
    return _robust(words, spec, seed)


def _without_codes(
    features: NDArray[np.float32],
    lists: InvertedLists,
    fmt: PacketFormat,
    spec: SchemeSpec,
    seed: int,
    whitening: NDArray[np.float32] | None,
) -> Codebook:
    """The codebook of a feature payload: codewords only for a head of cells, none for a head of labels."""
    transform = Transform()
    if spec.projection_dim:
        transform = learn_rotation(features, spec.projection_dim, seed, whitening)
    if spec.projection_dim or spec.partitioning is Partitioning.LABEL:
        codewords = np.zeros((1, fmt.payload_dim), dtype=np.float32)
    else:
        codewords = lists.codewords
    no_words = np.zeros((0, 1, codewords.shape[1]), dtype=np.float16)
    return Codebook(codewords, no_words, np.zeros(len(codewords) + 1, dtype=np.int64), transform)


def _ranking_features(
    features: NDArray[np.float32], codebook: Codebook, spec: SchemeSpec
) -> NDArray[np.float16 | np.float32]:
    """Features that estimates of q are compared with: float32 if queries send features, else float16."""
    dtype = np.float32 if spec.payload is Payload.FEATURE else np.float16
    working_dtype = np.float32 if spec.augmentation else dtype
    unit = scratch_array((len(features), codebook.dim), working_dtype)

    def transform(rows: slice) -> None:
        unit[rows] = normalised(codebook.transformed(features[rows]))

    in_threads(transform, blocks_of(len(features), ROWS_AT_ONCE))
    if spec.augmentation:
        unit = augment(unit, spec.augmentation)
    return unit.astype(dtype, copy=False)


def _residuals(
    features: NDArray[np.float32], images: NDArray[np.int64], c: NDArray[np.float32]
) -> NDArray[np.float32]:
    """(n, F') float32: d - c of some images, padded like c."""
    return Transform().apply(features[images], c.size) - c


def _padded(vectors: NDArray[np.float32], fmt: PacketFormat) -> NDArray[np.float32]:
    """(n, F) → (n, F'), padded with zeros to the next multiple of M."""
    return Transform().apply(vectors, -(-vectors.shape[1] // fmt.num_subvectors) * fmt.num_subvectors)


def _no_features() -> NDArray[np.float16]:
    return np.zeros((0, 0), dtype=np.float16)


def _no_codes(fmt: PacketFormat) -> NDArray[np.uint8]:
    return np.zeros((fmt.num_subvectors, 0), dtype=np.uint8)


def _offsets(sizes: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(sizes)])
