"""Candidates of a query for a ranking by one estimate of q, and what its head says for each of them.

The head's log-likelihood, were an image right, less that of any head: γ Σ_t log(1 + a (r_t - 1)). A slot's
label is one of the image's own with probability a, each as likely, and any label else, by how often it
occurs; r_t is the mean over the image's labels k of P(k | bits of slot t) / P(k). Labels of one photo come
together, so that T slots are worth fewer: γ < 1.

Besides, an image that the head does not name pays a toll, as far as the head can be trusted: it has to be
more similar than chance makes it, by CHANCE standard deviations of the inner product of random unit vectors.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dsc_server.index.semantic_index import SemanticIndex
from dsc_server.index.subcells import keep_near_subcells
from dsc_server.index.word_likelihood import cosine_per_log
from dsc_server.receiving.reading import Reading

AGREEMENT = 0.5  # a: even odds
INDEPENDENCE = 0.5  # γ
CHANCE = 3.0


@dataclass(frozen=True, eq=False)
class Candidates:
    """Images to rank.

    Attributes:
        images: (n,) int64, each once.
        evidence: (n,) float32, what the head says for each beside the one it says most for, on the scale of
            cosines.
        places: (entries,) int64, which of them each entry of the reading's partitions is, list after list.
    """

    images: NDArray[np.int64]
    evidence: NDArray[np.float32]
    places: NDArray[np.int64]


def candidates_of(
    index: SemanticIndex, reading: Reading, q: NDArray[np.float32], *, everything: bool
) -> Candidates:
    """Images of the reading's partitions, in the head's order; or all, in that of the database.

    Args:
        index: the database.
        reading: what the receiver made of a packet.
        q: (D,) float32, the estimate of unit length.
        everything: all images.
    """
    listed = _listed(index, reading, q)
    if everything:
        images, places = np.arange(index.num_images), listed
    else:
        images, places = _each_once(listed, index.num_images)
    return Candidates(images, _evidence(index, reading, len(images), places), places)


def _listed(index: SemanticIndex, reading: Reading, q: NDArray[np.float32]) -> NDArray[np.int64]:
    """Images of the partitions, list after list; without far sub-cells where cells are split."""
    images = index.images[index.entries_of(reading.partitions)]
    if index.subcells is None:
        return images
    filled = reading.partitions[index.list_sizes[reading.partitions] > 0].tolist()
    masks = keep_near_subcells(q, index.codebook.codewords, index.subcells, filled, index.offsets)
    near: NDArray[np.int64] = images[np.concatenate([np.zeros(0, dtype=np.bool_), *masks])]
    return near


def _each_once(listed: NDArray[np.int64], num_images: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Images in the order in which they come first, and for each of `listed` its place among them."""
    order = np.arange(len(listed))
    first = np.empty(num_images, dtype=np.int64)
    first[listed[::-1]] = order[::-1]  # of equal indices, the last assignment stays
    comes_first = first[listed] == order
    places = np.cumsum(comes_first) - 1
    return listed[comes_first], places[first[listed]]


def _evidence(
    index: SemanticIndex, reading: Reading, num_candidates: int, places: NDArray[np.int64]
) -> NDArray[np.float32]:
    """(n,) float32, at most 0; zeros where nothing but the partitions that the head names is read.

    Args:
        index: the database.
        reading: of the head, what its bits say.
        num_candidates: n.
        places: (entries,) int64, the candidate that each entry of the partitions is.
    """
    if not index.probes or not num_candidates:
        return np.zeros(num_candidates, dtype=np.float32)
    counts = index.list_sizes[reading.partitions]
    dim = index.codebook.feature_dim

    def summed(of_partitions: NDArray[np.floating]) -> NDArray[np.float64]:
        repeated = np.repeat(of_partitions, counts)
        return np.asarray(np.bincount(places, repeated, minlength=num_candidates), dtype=np.float64)

    lists = index.images.size / index.num_images  # that an image is in
    total = np.zeros(num_candidates)
    for odds in reading.label_odds:
        total += np.log1p(AGREEMENT * (summed(odds) / lists - 1))
    unnamed = np.exp(summed(np.log1p(-np.minimum(reading.weights, 1 - 1e-7))))
    toll = reading.trust * CHANCE / dim**0.5 * unnamed
    evidence = INDEPENDENCE * cosine_per_log(dim) * (total - total.max()) - toll
    return np.asarray(evidence, dtype=np.float32)
