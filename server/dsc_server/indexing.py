"""Features and labels of a database → its inverted index, for any scheme (eqs. 3–6)."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from dsc_common.codebook import Codebook, encode_residual
from dsc_common.errors import InvalidInputError
from dsc_common.packet import PacketFormat, Payload
from dsc_common.transform import Transform
from dsc_server.augmentation import augment, normalised
from dsc_server.cells import imi_codewords, ivf_codewords, nearest_cells
from dsc_server.grouping import group
from dsc_server.partitions import codeword, group_by_label
from dsc_server.rotation import learn_rotation
from dsc_server.scheme_specs import SCHEMES, Partitioning, SchemeSpec
from dsc_server.semantic_index import SemanticIndex
from dsc_server.subcodebooks import train_words

_Item = TypeVar("_Item")
# Passes items through and may show progress: (items, what is done, how many).
Track = Callable[[Iterable[_Item], str, int], Iterable[_Item]]
WordsDtype = type[np.float16 | np.float32]


def untracked(items: Iterable[_Item], _what: str, _total: int) -> Iterable[_Item]:
    """The items, without any progress shown."""
    return items


@dataclass(frozen=True, eq=False)
class _Lists:
    """Partitions before anything is encoded: codewords (K, F), entries list after list, offsets (K + 1,)."""

    codewords: NDArray[np.float32]
    images: NDArray[np.int64]
    offsets: NDArray[np.int64]


def build_index(
    features: NDArray[np.float32],
    labels: NDArray[np.int64],
    fmt: PacketFormat,
    spec: SchemeSpec = SCHEMES["dsc-pq"],
    *,
    words_dtype: WordsDtype = np.float16,
    seed: int = 0,
    track: Track[int] = untracked,
) -> SemanticIndex:
    """Index of N images.

    Words are rounded to `words_dtype` before anything is encoded with them, so that the device, which
    gets them in that type, and the server see the same words.

    Args:
        features: (N, F) float32, N ≥ 1, maybe memory-mapped.
        labels: (N, A) or (N,) int64: the A ≥ spill most likely labels of each image, most likely first.
        fmt: T, L, head codec, and K where partitions are labels; the scheme decides the rest.
        spec: the scheme; by default the paper's.
        words_dtype: float16 halves what the device downloads and holds.
        seed: of k-means and of the rotation.
        track: shows progress over partitions.

    Raises:
        InvalidInputError: no image, a label out of range, or a head larger than K.
    """
    if not len(features):
        raise InvalidInputError("expected at least one image")
    lists = _partition(features, labels if labels.ndim > 1 else labels[:, None], fmt.num_labels, spec, seed)
    fmt = scheme_format(fmt, spec, len(lists.codewords), features.shape[1])
    if spec.payload is Payload.CODES:
        index = _with_codes(features, lists, fmt, words_dtype, seed, track)
    elif spec.payload is Payload.CODE:
        index = _with_one_code(features, lists, fmt, spec, words_dtype, seed)
    else:
        index = _without_codes(lists, fmt, spec)
    if spec.keeps_features:
        index = replace(index, features=_ranking_features(features, index.codebook, spec))
    if spec.partitioning is Partitioning.GROUPED:
        index = replace(index, subcells=group(features, lists.codewords, lists.images, lists.offsets))
    return replace(index, ranking=spec.ranking, expansion=spec.expansion)


def scheme_format(fmt: PacketFormat, spec: SchemeSpec, num_labels: int, feature_dim: int) -> PacketFormat:
    """The packet's shape with what the scheme decides: K, payload, and no head without partitions.

    Raises:
        InvalidInputError: fewer partitions than labels in the head.
    """
    headless = spec.partitioning is Partitioning.NONE
    return replace(
        fmt,
        num_labels=num_labels,
        head_labels=1 if headless else fmt.head_labels,
        num_subvectors=spec.num_subvectors or fmt.num_subvectors,
        head_codec=spec.head_codec(fmt.head_codec),
        payload=spec.payload,
        feature_dim=feature_dim if spec.payload is Payload.FEATURE else 0,
    )


def _partition(
    features: NDArray[np.float32], labels: NDArray[np.int64], num_labels: int, spec: SchemeSpec, seed: int
) -> _Lists:
    if spec.partitioning is Partitioning.LABEL:
        if labels.shape[1] < spec.spill:
            raise InvalidInputError(f"expected {spec.spill} labels an image, got {labels.shape[1]}")
        images, offsets = group_by_label(labels[:, : spec.spill], num_labels)
        return _Lists(_label_codewords(features, images, offsets), images, offsets)
    if spec.partitioning is Partitioning.NONE:
        codewords = np.zeros((1, features.shape[1]), dtype=np.float32)
    elif spec.partitioning is Partitioning.MULTI_INDEX:
        codewords = imi_codewords(features, spec.num_cells, seed)
    else:
        codewords = ivf_codewords(features, spec.num_cells, seed)
    cells = nearest_cells(features, codewords, spec.spill)
    return _Lists(codewords, *group_by_label(cells, len(codewords)))


def _label_codewords(
    features: NDArray[np.float32], images: NDArray[np.int64], offsets: NDArray[np.int64]
) -> NDArray[np.float32]:
    codewords = np.zeros((len(offsets) - 1, features.shape[1]), dtype=np.float32)
    for label in np.flatnonzero(np.diff(offsets)).tolist():
        codewords[label] = codeword(features[images[offsets[label] : offsets[label + 1]]])
    return codewords


def _with_codes(
    features: NDArray[np.float32],
    lists: _Lists,
    fmt: PacketFormat,
    words_dtype: WordsDtype,
    seed: int,
    track: Track[int],
) -> SemanticIndex:
    """A code per entry, in its own partition; one partition's features are in memory at a time."""
    codewords = _padded(lists.codewords, fmt)
    width = codewords.shape[1] // fmt.num_subvectors
    blocks: list[NDArray[Any]] = [np.zeros((0, fmt.num_subvectors, width), dtype=words_dtype)]
    codes = np.zeros((fmt.num_subvectors, lists.images.size), dtype=np.uint8)
    sizes = np.zeros(fmt.num_labels, dtype=np.int64)
    for label in track(range(fmt.num_labels), "encoding partitions", fmt.num_labels):
        columns = slice(lists.offsets[label], lists.offsets[label + 1])
        if columns.start == columns.stop:
            continue
        members = np.asarray(features[lists.images[columns]], dtype=np.float32)
        residuals = _padded(members, fmt) - codewords[label]
        words = train_words(residuals, fmt.num_subvectors, 1 << fmt.bits_per_subvector, seed)
        blocks.append(words.astype(words_dtype))
        sizes[label] = len(words)
        codes[:, columns] = _encode_all(residuals, blocks[-1].astype(np.float32))
    codebook = Codebook(codewords, np.concatenate(blocks), _offsets(sizes))
    return SemanticIndex(fmt, codebook, codes, lists.images, lists.offsets)


def _with_one_code(
    features: NDArray[np.float32],
    lists: _Lists,
    fmt: PacketFormat,
    spec: SchemeSpec,
    words_dtype: WordsDtype,
    seed: int,
) -> SemanticIndex:
    """One quantizer for all partitions, after a rotation: the codebook is a single partition around zero."""
    width = -(-spec.projection_dim // fmt.num_subvectors) * fmt.num_subvectors
    transform = learn_rotation(features, width, fmt.num_subvectors, seed)
    rotated = transform.apply(features, width)
    words = train_words(rotated, fmt.num_subvectors, 1 << fmt.bits_per_subvector, seed)
    codewords = np.zeros((1, width), dtype=np.float32)
    codebook = Codebook(codewords, words.astype(words_dtype), np.array([0, len(words)]), transform)
    return SemanticIndex(fmt, codebook, _no_codes(fmt), lists.images, lists.offsets)


def _without_codes(lists: _Lists, fmt: PacketFormat, spec: SchemeSpec) -> SemanticIndex:
    """Features on the air: the codebook serves the head alone, and a head of labels needs none."""
    codewords = lists.codewords
    if spec.partitioning is Partitioning.LABEL:
        codewords = np.zeros((1, codewords.shape[1]), dtype=np.float32)
    no_words = np.zeros((0, 1, codewords.shape[1]), dtype=np.float16)
    codebook = Codebook(codewords, no_words, np.zeros(len(codewords) + 1, dtype=np.int64))
    return SemanticIndex(fmt, codebook, _no_codes(fmt), lists.images, lists.offsets)


def _ranking_features(
    features: NDArray[np.float32], codebook: Codebook, spec: SchemeSpec
) -> NDArray[np.float16 | np.float32]:
    """What fused estimates are compared with: exact where the query's feature is, else float16."""
    unit = normalised(codebook.transformed(features))
    if spec.augmentation:
        unit = augment(unit, spec.augmentation)
    return unit if spec.payload is Payload.FEATURE else unit.astype(np.float16)


def _padded(vectors: NDArray[np.float32], fmt: PacketFormat) -> NDArray[np.float32]:
    """(n, F) → (n, F'), F' the next multiple of M; what is added is zero."""
    return Transform().apply(vectors, -(-vectors.shape[1] // fmt.num_subvectors) * fmt.num_subvectors)


def _no_codes(fmt: PacketFormat) -> NDArray[np.uint8]:
    return np.zeros((fmt.num_subvectors, 0), dtype=np.uint8)


def _offsets(sizes: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(sizes)])


def _encode_all(residuals: NDArray[np.float32], words: NDArray[np.float32]) -> NDArray[np.uint8]:
    """(J, F) → (M, J): the device's own encoding, image by image."""
    return np.stack([encode_residual(residual, words) for residual in residuals], axis=1)
