"""Retrieval schemes by name, each from the services' own core: what a query sends, and what comes back."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dsc_channel.transmission import transmit
from dsc_common.errors import InvalidInputError
from dsc_common.extractor import Extraction
from dsc_common.link import LinkSettings
from dsc_common.packet import PacketFormat, pack
from dsc_common.results import Ranking
from dsc_device.encoding import encode, top_labels
from dsc_eval.features import BenchmarkFeatures
from dsc_server.indexing import build_index
from dsc_server.partitions import group_by_label
from dsc_server.ranking import rank_candidates
from dsc_server.receiver import receive_hard

FLOAT_BYTES = 4


@dataclass(frozen=True)
class Scheme:
    """A scheme over one database.

    Attributes:
        name: as in `SCHEMES`.
        packet_bytes: bytes that a query sends.
        rank: query → its whole candidate list, (n,) int64 positions in the database, best first.
    """

    name: str
    packet_bytes: int
    rank: Callable[[Extraction], NDArray[np.int64]]


def exhaustive(features: BenchmarkFeatures, fmt: PacketFormat) -> Scheme:
    """The raw feature against every image of the database: the limit of what a feature can do."""

    def rank(query: Extraction) -> NDArray[np.int64]:
        return _by_inner_product(query, features, np.arange(len(features.database)))

    return Scheme("exhaustive", FLOAT_BYTES * features.database.shape[1], rank)


def dsc_raw(features: BenchmarkFeatures, fmt: PacketFormat) -> Scheme:
    """The head selects the candidates, the raw feature ranks them: 'DSC' of the paper, without PQ."""
    images, offsets = group_by_label(features.labels, features.num_labels)

    def rank(query: Extraction) -> NDArray[np.int64]:
        labels = top_labels(query.probabilities, fmt.head_labels).tolist()
        lists = [images[offsets[label] : offsets[label + 1]] for label in labels]
        return _by_inner_product(query, features, np.concatenate(lists))

    return Scheme("dsc-raw", fmt.head_bytes + FLOAT_BYTES * features.database.shape[1], rank)


def dsc_pq(features: BenchmarkFeatures, fmt: PacketFormat) -> Scheme:
    """'DSC+PQ', the paper's 47 bytes, without noise: device, channel and server cores as they run."""
    index = build_index(features.database, features.labels, fmt)
    link = LinkSettings(snr_db=math.inf)

    def rank(query: Extraction) -> NDArray[np.int64]:
        packet = encode(query.feature, query.probabilities, index.codebook, fmt.head_labels)
        signal = transmit(pack(packet, fmt), link, request_id="")
        received = receive_hard(signal, fmt).packet
        return rank_candidates(index, received, Ranking.SQUARED_DISTANCE).images

    return Scheme("dsc-pq", fmt.packet_bytes, rank)


SCHEMES: dict[str, Callable[[BenchmarkFeatures, PacketFormat], Scheme]] = {
    "exhaustive": exhaustive,
    "dsc-raw": dsc_raw,
    "dsc-pq": dsc_pq,
}


def require_schemes(names: list[str]) -> None:
    """Raise InvalidInputError for a name that is no scheme."""
    for name in names:
        if name not in SCHEMES:
            raise InvalidInputError(f"unknown scheme {name!r}; expected some of {', '.join(SCHEMES)}")


def _by_inner_product(
    query: Extraction, features: BenchmarkFeatures, candidates: NDArray[np.int64]
) -> NDArray[np.int64]:
    scores = features.database[candidates] @ query.feature
    return candidates[np.argsort(-scores, kind="stable")]
