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
from dsc_server.kernels.choice import kernels
from dsc_server.kernels.interface import Listing
from dsc_server.receiving.decoded_packet import DecodedPacket


@dataclass(frozen=True, eq=False)
class Candidates:
    """Images to rank.

    Attributes:
        listing: the images, each once, in groups that are in the same of the partitions read.
        of_groups: (groups,) float32, evidence of the head for the images of each group, at most 0, on the
            scale of cosines.
    """

    listing: Listing
    of_groups: NDArray[np.float32]

    @property
    def images(self) -> NDArray[np.int64]:
        """(n,) int64 rows, each once."""
        return self.listing.images

    @property
    def places(self) -> NDArray[np.integer]:
        """(entries,) position among the candidates of each entry of the partitions, list after list."""
        return self.listing.places

    def evidence(self, places: NDArray[np.int64] | None = None) -> NDArray[np.float32]:
        """(n,) float32: evidence of the head for each image, or for those at some places."""
        return self.listing.of_images(self.of_groups, places)


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
    before = index.rows if everything else None
    with index.visited.borrowed() as visited:
        listing = kernels().listing(*_lists(index, decoded, q), visited, before)
    return Candidates(listing, _evidence(index, decoded, listing))


def _lists(
    index: SemanticIndex, decoded: DecodedPacket, q: NDArray[np.float32]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Entries with the lists of the partitions, their starts and their stops; no far sub-cells."""
    partitions = decoded.partitions
    if index.subcells is None:
        return index.images, index.offsets[partitions], index.offsets[partitions + 1]
    is_filled = index.list_sizes[partitions] > 0
    filled = partitions[is_filled].tolist()
    masks = keep_near_subcells(q, index.codebook.codewords, index.subcells, filled, index.offsets)
    listed = index.images[index.entries_of(partitions)]
    counts = np.zeros(len(partitions), dtype=np.int64)
    counts[is_filled] = [mask.sum() for mask in masks]
    stops = np.cumsum(counts)
    return listed[np.concatenate([np.zeros(0, dtype=np.bool_), *masks])], stops - counts, stops


def _evidence(index: SemanticIndex, decoded: DecodedPacket, listing: Listing) -> NDArray[np.float32]:
    """(groups,) float32, at most 0; zeros if only the partitions that the head names are read.

    Args:
        index: the database, or a part of it.
        decoded: the decoded packet.
        listing: the candidates.
    """
    summary, model = index.summary, index.summary.receiver_model
    if not summary.probes or not len(listing.images):
        return np.zeros(listing.num_groups, dtype=np.float32)
    dim, lists = index.codebook.dim, summary.lists_per_image
    missed = 1 - np.minimum(decoded.weights, 1 - 1e-7).astype(np.float64)
    ratios = decoded.label_ratios.reshape(-1, missed.size)  # of no slot, with some receivers
    logs, unnamed = listing.agreement(ratios.T, missed, lists, model.head_agreement)
    largest = kernels().largest_sums(ratios, round(lists))  # of any image in so many lists
    total = logs - np.log1p(largest * (model.head_agreement / lists) - model.head_agreement).sum()
    penalty = decoded.trust * model.chance_sigmas / dim**0.5 * unnamed
    weight = model.slot_independence * cosine_per_log(dim, model.match_distance)
    return np.asarray(weight * total - penalty, dtype=np.float32)
