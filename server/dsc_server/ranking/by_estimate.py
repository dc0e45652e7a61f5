"""Ranking with one estimate of q: a first round over codes, then re-ranking of the best with their features.

The score of an image is the log-likelihood of the received packet if the image matches: of the code or
feature, and of the head. For a clear code it is -‖q̂ - d‖² / s, which gives the same order as ⟨q̂, d⟩. All
scores are on the scale of this cosine: log-likelihoods are multiplied by s/2 (`index/word_likelihood.py`).

A score of the first round depends only on query and image, so the lists of several parts of a database can be
merged. The second round takes such a list, compares features, and expands the query with the best results.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dsc_common.codebook.codebook import split
from dsc_common.packet.format import Payload
from dsc_server.index.search_limits import DEFAULT_LIMITS, SearchLimits
from dsc_server.index.semantic_index import SemanticIndex
from dsc_server.index.summary import DatabaseSummary
from dsc_server.index.word_likelihood import LikelihoodTables, cosine_per_log
from dsc_server.kernels.best_first import best_first, best_places
from dsc_server.kernels.choice import kernels
from dsc_server.ranking.candidates import Candidates, candidates_of
from dsc_server.ranking.code_scores import squared_distance_scores
from dsc_server.ranking.expansion import expand
from dsc_server.receiving.decoded_packet import DecodedPacket

ROWS_AT_ONCE = 4096  # features in memory at a time


@dataclass(frozen=True, eq=False)
class ScoredList:
    """Candidates after the first round.

    Attributes:
        images: (n,) int64 rows, each once, in the head's order.
        scores: (n,) float32, higher is better.
        evidence: (n,) float32, the part of each score that is the head's evidence.
        by_codes: the scores compare codes; features would be more exact.
        num_candidates: number of candidates, of which these may be the best.
    """

    images: NDArray[np.int64]
    scores: NDArray[np.float32]
    evidence: NDArray[np.float32]
    by_codes: bool
    num_candidates: int


@dataclass(frozen=True, eq=False)
class Comparison:
    """Estimate and likelihoods of a query, for comparisons with images.

    Attributes:
        q: (D,) float32, the estimate of q, of unit length.
        tables: likelihoods of codewords, if the single code of the packet is in doubt; else None.
    """

    q: NDArray[np.float32]
    tables: LikelihoodTables | None


def comparison_of(summary: DatabaseSummary, decoded: DecodedPacket) -> Comparison:
    """Estimate and likelihoods of a decoded packet, the same for all parts of a database."""
    in_doubt = decoded.confidence < summary.receiver_model.clear_confidence
    tables = None
    if summary.format.payload is Payload.CODE and decoded.posteriors and in_doubt:
        tables = summary.word_likelihood.tables(decoded.posteriors[0])
    return Comparison(_unit(decoded.q), tables)


def first_round(
    index: SemanticIndex,
    decoded: DecodedPacket,
    compared: Comparison,
    *,
    everything: bool = False,
    best: int | None = None,
) -> ScoredList:
    """Candidates with their scores from codes; from features if the index holds no codes to compare.

    Args:
        index: the database, or a part of it.
        decoded: the decoded packet.
        compared: `comparison_of` the packet.
        everything: rank all images, not only those of the partitions.
        best: keep only so many of the candidates whose codes are compared, those with the highest scores.
    """
    candidates = candidates_of(index, decoded, compared.q, everything=everything)
    by_codes = True
    if index.has_codes and not everything:
        scores = _by_codes_of_partitions(index, decoded, candidates, compared.q)
    elif index.format.payload is Payload.CODE:
        scores = _by_one_code(index, candidates, compared)
    else:
        by_codes, scores = False, _FeaturesOf(index, candidates.images).similarities(compared.q)
        scores += candidates.evidence()
    if best is None or not by_codes or best >= len(scores):
        return ScoredList(candidates.images, scores, candidates.evidence(), by_codes, len(scores))
    kept = best_places(scores, best)
    return ScoredList(candidates.images[kept], scores[kept], candidates.evidence(kept), by_codes, len(scores))


def second_round(
    index: SemanticIndex, compared: Comparison, listed: ScoredList, limits: SearchLimits = DEFAULT_LIMITS
) -> NDArray[np.float32]:
    """(n,) scores of a list of the first round, with the best images re-ranked with their features.

    Args:
        index: index with the features.
        compared: `comparison_of` the packet.
        listed: all candidates or the best of them, from one index or merged.
        limits: number of images to re-rank after a first round over codes; all others rank behind them.
    """
    if not listed.by_codes and not index.expansion:
        return listed.scores
    if not listed.by_codes or len(listed.images) <= limits.rerank_depth:
        return _by_features(index, listed.images, listed.evidence, compared)
    best = best_places(listed.scores, limits.rerank_depth)
    refined = _by_features(index, listed.images[best], listed.evidence[best], compared)
    behind = np.nextafter(refined.min(), np.float32(-np.inf))  # not as good as the last: ties would mix them
    scores: NDArray[np.float32] = np.minimum(listed.scores, behind)
    scores[best] = refined
    return scores


def _by_one_code(index: SemanticIndex, candidates: Candidates, compared: Comparison) -> NDArray[np.float32]:
    """(n,) float32: scores from one code for all partitions, and evidence."""
    if compared.tables is not None:
        table, start = compared.tables.values, 1.0
    else:
        words = index.summary.codebook.shared_words
        parts = split(compared.q, words.shape[1])
        table, start = np.matmul(words.transpose(1, 0, 2), parts[:, :, None])[:, :, 0], 0.0
    return candidates.listing.scores(table, index.code_rows, start, candidates.of_groups)


def _by_codes_of_partitions(
    index: SemanticIndex, decoded: DecodedPacket, candidates: Candidates, q: NDArray[np.float32]
) -> NDArray[np.float32]:
    """(n,) float32: eq. (14) with the estimate of q, and evidence; of several partitions the best score."""
    scores = np.full(len(candidates.images), -np.inf, dtype=np.float32)
    start = 0
    for label in decoded.partitions.tolist():
        codes = index.codes[:, index.entries(label)]
        of_list = squared_distance_scores(index, label, q - index.codebook.codewords[label], codes)
        places = candidates.places[start : start + len(of_list)]  # all different: a list has an image once
        scores[places] = np.maximum(scores[places], of_list)
        start += len(of_list)
    return scores + candidates.evidence()


def _by_features(
    index: SemanticIndex,
    images: NDArray[np.int64],
    evidence: NDArray[np.float32],
    compared: Comparison,
) -> NDArray[np.float32]:
    """(n,) scores from features; for a clear q, after query expansion with its first results."""
    q, tables = compared.q, compared.tables
    if tables is not None:
        rows = kernels().rows_as_float32(index.features, images)
        scores = np.float32(1) + tables.near_words(index.code_rows[images].T, rows) + evidence
        return scores + _similarity_to_matches(index, rows, scores)
    features = _FeaturesOf(index, images)
    similarities = features.similarities(q)
    if index.expansion and len(images):
        best = best_first(similarities + evidence, index.expansion)
        expanded = expand(q, features.rows(best), similarities[best])
        similarities = features.similarities(_unit(expanded))
    return np.asarray(similarities + evidence, dtype=np.float32)


def _similarity_to_matches(
    index: SemanticIndex, features: NDArray[np.float32], scores: NDArray[np.float32]
) -> NDArray[np.float32]:
    """(n,) λ Σ_i P(i matches | y) ⟨d_i, d⟩: expansion while q is in doubt, 0 where the index has none.

    The posterior is that of one matching image among the candidates. If several are as likely and unlike each
    other, the sum is short and changes little.
    """
    model = index.summary.receiver_model
    if not index.expansion or not model.doubtful_expansion or not len(scores):
        return np.zeros_like(scores)
    logs = (scores - scores.max()).astype(np.float64) / cosine_per_log(
        features.shape[1], model.match_distance
    )
    posterior = np.exp(logs)
    expected = (posterior / posterior.sum()).astype(np.float32) @ features
    return np.asarray(np.float32(model.doubtful_expansion) * (features @ expected), dtype=np.float32)


class _FeaturesOf:
    """Features of some images: kept in memory if they are one block of rows, else read block by block."""

    def __init__(self, index: SemanticIndex, images: NDArray[np.int64]) -> None:
        self._features, self._images = index.features, images
        self._kept = self._read(images) if len(images) <= ROWS_AT_ONCE else None

    def rows(self, places: NDArray[np.int64]) -> NDArray[np.float32]:
        """(k, D) float32: features of the images at these places."""
        return self._read(self._images[places]) if self._kept is None else self._kept[places]

    def similarities(self, q: NDArray[np.float32]) -> NDArray[np.float32]:
        """(n,) float32: ⟨q, d⟩."""
        if self._kept is not None:
            return np.asarray(self._kept @ q, dtype=np.float32)
        similarities = np.empty(len(self._images), dtype=np.float32)
        for start in range(0, len(self._images), ROWS_AT_ONCE):
            rows = slice(start, start + ROWS_AT_ONCE)
            similarities[rows] = self._read(self._images[rows]) @ q
        return similarities

    def _read(self, images: NDArray[np.int64]) -> NDArray[np.float32]:
        return kernels().rows_as_float32(self._features, images)


def _unit(vector: NDArray[np.float32]) -> NDArray[np.float32]:
    norm = float(np.linalg.norm(vector))
    return vector / np.float32(norm) if norm > 0 else vector
