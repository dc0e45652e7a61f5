"""Candidates of a query and their order: eq. (14), eq. (15), or one fused estimate of the feature."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dsc_common.errors import InvalidInputError
from dsc_common.packet import Packet, Payload
from dsc_common.results import Ranking
from dsc_server.augmentation import expand
from dsc_server.code_scores import cosine_scores, soft_distance_scores, squared_distance_scores
from dsc_server.grouping import keep_near_subcells
from dsc_server.receiving.deciding import reading_of
from dsc_server.receiving.reading import Reading
from dsc_server.semantic_index import SemanticIndex
from dsc_server.soft_minimum import NEARLY_CERTAIN

CHANCE = 3.0
CLEAR = 0.8  # confidence from which the posterior mean is as good as what was sent
REFINED = 500  # images whose features are compared when the code is in doubt
CANDIDATES_AT_ONCE = 4096  # whose features are read before they are compared


@dataclass(frozen=True, eq=False)
class RankedList:
    """The whole candidate list, best first, each image once.

    Attributes:
        images: (n,) int64, images of the catalogue.
        scores: (n,) float32, higher is better: the cosine, or 1 - d²/2, the cosine of unit vectors at
            distance d.
    """

    images: NDArray[np.int64]
    scores: NDArray[np.float32]


def rank_candidates(index: SemanticIndex, packet: Packet, ranking: Ranking) -> RankedList:
    """All images of the head's partitions, for a packet that is taken at its word: `rank` of its reading."""
    return rank(index, reading_of(index, packet), ranking)


def rank(index: SemanticIndex, reading: Reading, ranking: Ranking, *, everything: bool = False) -> RankedList:
    """All images of the reading's partitions, ranked; equals stay in the head's order, then the database's.

    Args:
        index: the database.
        reading: what the receiver made of a packet.
        ranking: by codes (eqs. 14, 15), or by the one estimate of q.
        everything: rank the whole database, where one estimate of q is compared.

    Raises:
        InvalidInputError: the index does not hold what this ranking needs.
    """
    if ranking is Ranking.FUSED:
        if not index.has_features:
            raise InvalidInputError("expected an index that was built for the ranking fused")
        return _rank_fused(index, reading, everything=everything)
    if not index.has_codes:
        raise InvalidInputError(f"expected the ranking fused, the only one of this index, got {ranking}")
    return _rank_by_codes(index, reading, ranking)


def _rank_by_codes(index: SemanticIndex, reading: Reading, ranking: Ranking) -> RankedList:
    """A score counts as much as its partition is likely to be the head's."""
    images = [np.zeros(0, dtype=np.int64)]
    scores = [np.zeros(0, dtype=np.float32)]
    for number, (label, residual) in enumerate(
        zip(reading.partitions.tolist(), reading.residuals, strict=False)
    ):
        columns = index.entries(label)
        codes = index.codes[:, columns]
        if ranking is Ranking.COSINE:
            own = cosine_scores(index, label, residual, codes)
        elif reading.posteriors:
            own = soft_distance_scores(index, label, reading.posteriors[number], codes)
        else:
            own = squared_distance_scores(index, label, residual, codes)
        images.append(index.images[columns])
        scores.append(_sure(reading.weights[number]) * own)
    return _best_first(np.concatenate(images), np.concatenate(scores))


def _sure(probability: np.float32) -> np.float32:
    """What is nearly certain counts as certain, so that equals stay equals."""
    return np.float32(1) if probability >= NEARLY_CERTAIN else probability


def _rank_fused(index: SemanticIndex, reading: Reading, *, everything: bool) -> RankedList:
    """By ⟨q, d⟩, less a toll on images that the head does not name, as far as the head can be trusted.

    The toll is CHANCE standard deviations of the inner product of random unit vectors: an image outside the
    head's partitions has to be more similar than chance makes it.
    """
    q = _unit(reading.q)
    images = np.arange(index.num_images) if everything else _first_of_each(_listed(index, reading, q))
    toll = np.float32(reading.trust * CHANCE / max(q.size, 1) ** 0.5) * _unnamed(index, reading, images)
    if index.format.payload is Payload.CODE and reading.posteriors and reading.confidence < CLEAR:
        return _best_first(images, _log_likelihoods(index, reading.posteriors[0], images, toll))
    blocks: Iterable[NDArray[np.float32]] = _feature_blocks(index, images)
    if index.expansion:
        blocks = list(blocks)  # they are needed twice
    similarities = _similarities(blocks, q)
    scores = similarities - toll
    if index.expansion and len(images):
        best = np.argsort(-scores, kind="stable")[: index.expansion]
        first = index.features[images[best]].astype(np.float32)
        scores = _similarities(blocks, _unit(expand(q, first, similarities[best]))) - toll
    return _best_first(images, scores)


def _log_likelihoods(
    index: SemanticIndex,
    posteriors: NDArray[np.float32],
    images: NDArray[np.int64],
    toll: NDArray[np.float32],
) -> NDArray[np.float32]:
    """Scores of images by how likely they make what arrived: of all by codes, of the best by features.

    The posterior mean of a noisy code forgets that one word was sent. The likelihood of an image does not.
    """
    tables = index.word_likelihood.tables(posteriors)
    codes = index.codes[:, images]
    scores = np.float32(1) + tables.at_words(codes) - toll
    best = np.argsort(-scores, kind="stable")[:REFINED]
    features = index.features[images[best]].astype(np.float32)
    refined = np.float32(1) + tables.near_words(codes[:, best], features) - toll[best]
    scores = np.minimum(scores, refined.min(initial=np.inf))  # the others stay behind
    scores[best] = refined
    return np.asarray(scores, dtype=np.float32)


def _feature_blocks(index: SemanticIndex, images: NDArray[np.int64]) -> Iterator[NDArray[np.float32]]:
    """Features of the candidates, (n, D) float32 at a time: all of a large database do not fit in memory."""
    for start in range(0, len(images), CANDIDATES_AT_ONCE):
        block = index.features[images[start : start + CANDIDATES_AT_ONCE]]
        yield block.astype(np.float32, copy=False)


def _similarities(blocks: Iterable[NDArray[np.float32]], q: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.concatenate([np.zeros(0, dtype=np.float32), *(block @ q for block in blocks)])


def _unnamed(index: SemanticIndex, reading: Reading, images: NDArray[np.int64]) -> NDArray[np.float32]:
    """(n,) float32: the probability that the head names none of an image's partitions."""
    if not index.probes or len(reading.partitions) == 0:
        return np.zeros(len(images), dtype=np.float32)  # only partitions that the head names are read
    entries = index.images[index.entries_of(reading.partitions)]
    each = np.log1p(-np.minimum(reading.weights, 1 - 1e-7), dtype=np.float64)
    counts = index.list_sizes[reading.partitions]
    total = np.bincount(entries, np.repeat(each, counts), minlength=index.num_images)
    return np.exp(total[images]).astype(np.float32)


def _listed(index: SemanticIndex, reading: Reading, q: NDArray[np.float32]) -> NDArray[np.int64]:
    """Images of the partitions, in the head's order; without far sub-cells where cells are split."""
    images = index.images[index.entries_of(reading.partitions)]
    if index.subcells is None:
        return images
    filled = reading.partitions[index.list_sizes[reading.partitions] > 0].tolist()
    masks = keep_near_subcells(q, index.codebook.codewords, index.subcells, filled, index.offsets)
    near: NDArray[np.int64] = images[np.concatenate([np.zeros(0, dtype=np.bool_), *masks])]
    return near


def _best_first(images: NDArray[np.int64], scores: NDArray[np.float32]) -> RankedList:
    """Sorted stably; an image that is listed several times counts once, with its best score."""
    order = np.argsort(-scores, kind="stable")
    _, first = np.unique(images[order], return_index=True)
    kept = order[np.sort(first)]
    return RankedList(images[kept], scores[kept])


def _first_of_each(images: NDArray[np.int64]) -> NDArray[np.int64]:
    _, first = np.unique(images, return_index=True)
    return images[np.sort(first)]


def _unit(vector: NDArray[np.float32]) -> NDArray[np.float32]:
    norm = float(np.linalg.norm(vector))
    return vector / np.float32(norm) if norm > 0 else vector
