"""Candidates for a ranking with one estimate of q, and the evidence of the head for each candidate.

The evidence is the log-likelihood of the head if an image matches, minus its log-likelihood for any image:
γ Σ_t log(1 + a (r_t - 1)). The label of slot t is one of the matching image's labels with probability a, each
equally probable, and otherwise any label, by its frequency; r_t is the mean over the image's labels k of
P(k | bits of slot t) / P(k). Labels of one photo are correlated, so T slots count less than T times: γ < 1.

An image that the head does not name is penalised by half a standard deviation of the inner product of random
unit vectors, 1/√D, weighted with the trust in the head.

Evidence is relative to the largest possible evidence of an image. It depends only on query and image, so the
lists of several parts of a database can be merged.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dsc_server.index.semantic_index import SemanticIndex
from dsc_server.index.subcells import keep_near_subcells
from dsc_server.index.word_likelihood import cosine_per_log
from dsc_server.receiving.decoded_packet import DecodedPacket


@dataclass(frozen=True, eq=False)
class Candidates:
    """Images to rank.

    Attributes:
        images: (n,) int64 rows, each once.
        evidence: (n,) float32, evidence of the head for each image, at most 0, on the scale of cosines.
        places: (entries,) int64, position among the candidates of each entry of the partitions, list after
            list.
    """

    images: NDArray[np.int64]
    evidence: NDArray[np.float32]
    places: NDArray[np.int64]


def candidates_of(
    index: SemanticIndex, decoded: DecodedPacket, q: NDArray[np.float32], *, everything: bool
) -> Candidates:
    """Images of the decoded partitions, in the head's order; or all images, in the order of their rows.

    Args:
        index: the database, or a part of it.
        decoded: the decoded packet.
        q: (D,) float32, the estimate of q, of unit length.
        everything: take all images.
    """
    listed = _listed(index, decoded, q)
    if everything:
        images, places = index.rows, np.searchsorted(index.rows, listed)
    else:
        images, places = _each_once(listed, index.num_rows)
    return Candidates(images, _evidence(index, decoded, len(images), places), places)


def _listed(index: SemanticIndex, decoded: DecodedPacket, q: NDArray[np.float32]) -> NDArray[np.int64]:
    """Images of the partitions, list after list; without far sub-cells if cells are split."""
    images = index.images[index.entries_of(decoded.partitions)]
    if index.subcells is None:
        return images
    filled = decoded.partitions[index.list_sizes[decoded.partitions] > 0].tolist()
    masks = keep_near_subcells(q, index.codebook.codewords, index.subcells, filled, index.offsets)
    near: NDArray[np.int64] = images[np.concatenate([np.zeros(0, dtype=np.bool_), *masks])]
    return near


def _each_once(listed: NDArray[np.int64], num_rows: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Distinct images in order of first appearance, and for each of `listed` its position among them."""
    order = np.arange(len(listed))
    first = np.empty(num_rows, dtype=np.int64)
    first[listed[::-1]] = order[::-1]  # of equal indices, the last assignment stays
    comes_first = first[listed] == order
    places = np.cumsum(comes_first) - 1
    return listed[comes_first], places[first[listed]]


def _evidence(
    index: SemanticIndex, decoded: DecodedPacket, num_candidates: int, places: NDArray[np.int64]
) -> NDArray[np.float32]:
    """(n,) float32, at most 0; zeros if only the partitions that the head names are read.

    Args:
        index: the database, or a part of it.
        decoded: the decoded packet.
        num_candidates: n.
        places: (entries,) int64, position among the candidates of each entry of the partitions.
    """
    summary, model = index.summary, index.summary.receiver_model
    if not summary.probes or not num_candidates:
        return np.zeros(num_candidates, dtype=np.float32)
    counts = index.list_sizes[decoded.partitions]
    dim = index.codebook.dim

    def summed(of_partitions: NDArray[np.floating]) -> NDArray[np.float64]:
        repeated = np.repeat(of_partitions, counts)
        return np.asarray(np.bincount(places, repeated, minlength=num_candidates), dtype=np.float64)

    lists = summary.lists_per_image
    total = np.zeros(num_candidates)
    for ratios in decoded.label_ratios:
        total += np.log1p(model.head_agreement * (summed(ratios) / lists - 1))
        total -= np.log1p(model.head_agreement * (_largest_sum(ratios, round(lists)) / lists - 1))
    unnamed = np.exp(summed(np.log1p(-np.minimum(decoded.weights, 1 - 1e-7))))
    penalty = decoded.trust * model.chance_sigmas / dim**0.5 * unnamed
    weight = model.slot_independence * cosine_per_log(dim, model.match_distance)
    return np.asarray(weight * total - penalty, dtype=np.float32)


def _largest_sum(ratios: NDArray[np.float64], lists: int) -> float:
    """The largest sum of (P,) ratios for an image in so many lists."""
    return float(np.sort(ratios)[max(ratios.size - lists, 0) :].sum())
