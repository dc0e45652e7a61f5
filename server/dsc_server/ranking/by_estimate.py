"""Ranking by one estimate of q: a pass over the codes of all candidates, and one over features of the best.

An image is scored by the log-likelihood of what arrived, were it right: of the code or feature, and of the
head. That of a clear code is -‖q̂ - d‖² / s, so that ⟨q̂, d⟩ ranks alike; all scores are on the scale of this
cosine, on which a logarithm counts s/2 (`word_likelihood`).
"""

import numpy as np
from numpy.typing import NDArray

from dsc_common.codebook.codebook import split
from dsc_common.packet.format import Payload
from dsc_server.index.code_tables import look_up
from dsc_server.index.semantic_index import SemanticIndex
from dsc_server.index.word_likelihood import LikelihoodTables
from dsc_server.ranking.candidates import Candidates, candidates_of
from dsc_server.ranking.code_scores import squared_distance_scores
from dsc_server.ranking.expansion import expand
from dsc_server.receiving.reading import Reading

CLEAR = 0.8  # confidence from which the posterior mean is as good as what was sent
REFINED = 1000  # candidates whose features are compared, where codes tell the best
ROWS_AT_ONCE = 4096  # whose features are read before they are compared


def rank_fused(
    index: SemanticIndex, reading: Reading, *, everything: bool
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Candidates, each once, and their scores.

    Returns:
        (n,) int64 in the head's order, and (n,) float32.
    """
    q = _unit(reading.q)
    found = candidates_of(index, reading, q, everything=everything)
    tables = None
    if index.format.payload is Payload.CODE and reading.posteriors and reading.confidence < CLEAR:
        tables = index.word_likelihood.tables(reading.posteriors[0])
    have_codes = index.format.payload is Payload.CODE or (index.has_codes and not everything)
    if not have_codes or len(found.images) <= REFINED:
        return found.images, _by_features(index, found.images, found.evidence, q, tables)
    scores = found.evidence + _by_codes(index, reading, found, q, tables)
    best = np.sort(np.argpartition(-scores, REFINED)[:REFINED])
    refined = _by_features(index, found.images[best], found.evidence[best], q, tables)
    scores = np.minimum(scores, refined.min())  # the others stay behind
    scores[best] = refined
    return found.images, scores


def _by_codes(
    index: SemanticIndex,
    reading: Reading,
    found: Candidates,
    q: NDArray[np.float32],
    tables: LikelihoodTables | None,
) -> NDArray[np.float32]:
    """(n,) scores as far as codes tell: no feature is read."""
    if index.has_codes:
        return _by_codes_of_partitions(index, reading, found, q)
    codes = index.codes[:, found.images]
    if tables is not None:
        return np.float32(1) + tables.at_words(codes)
    words = index.codebook.subcodebooks(0)
    return look_up(np.einsum("md,jmd->mj", split(q, words.shape[1]), words), codes)


def _by_codes_of_partitions(
    index: SemanticIndex, reading: Reading, found: Candidates, q: NDArray[np.float32]
) -> NDArray[np.float32]:
    """(n,) float32 by eq. (14) with the one estimate of q; an image in several partitions has its best."""
    scores = np.full(len(found.images), -np.inf, dtype=np.float32)
    start = 0
    for label in reading.partitions.tolist():
        codes = index.codes[:, index.entries(label)]
        own = squared_distance_scores(index, label, q - index.codebook.codewords[label], codes)
        places = found.places[start : start + len(own)]  # different ones: a partition lists an image once
        scores[places] = np.maximum(scores[places], own)
        start += len(own)
    return scores


def _by_features(
    index: SemanticIndex,
    images: NDArray[np.int64],
    evidence: NDArray[np.float32],
    q: NDArray[np.float32],
    tables: LikelihoodTables | None,
) -> NDArray[np.float32]:
    """(n,) scores; where q is clear, by its average with its first results."""
    if tables is not None:
        features = index.features[images].astype(np.float32)
        return np.float32(1) + tables.near_words(index.codes[:, images], features) + evidence
    similarities = _similarities(index, images, q)
    if index.expansion and len(images):
        best = np.argsort(-(similarities + evidence), kind="stable")[: index.expansion]
        first = index.features[images[best]].astype(np.float32)
        similarities = _similarities(index, images, _unit(expand(q, first, similarities[best])))
    return np.asarray(similarities + evidence, dtype=np.float32)


def _similarities(
    index: SemanticIndex, images: NDArray[np.int64], q: NDArray[np.float32]
) -> NDArray[np.float32]:
    """(n,) float32: ⟨q, d⟩, some rows at a time: features of many candidates do not fit in memory."""
    similarities = np.empty(len(images), dtype=np.float32)
    for start in range(0, len(images), ROWS_AT_ONCE):
        rows = slice(start, start + ROWS_AT_ONCE)
        similarities[rows] = index.features[images[rows]].astype(np.float32, copy=False) @ q
    return similarities


def _unit(vector: NDArray[np.float32]) -> NDArray[np.float32]:
    norm = float(np.linalg.norm(vector))
    return vector / np.float32(norm) if norm > 0 else vector
