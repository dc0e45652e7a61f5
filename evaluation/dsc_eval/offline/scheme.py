"""Retrieval schemes by name, run by the services' own core: what a query sends, and what comes back."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dsc_channel.transmission import transmit
from dsc_common.features.extraction import Extraction
from dsc_common.packet.format import PacketFormat
from dsc_common.packet.packing import pack
from dsc_common.radio.link import LinkSettings
from dsc_device.encoding import encode
from dsc_eval.features.benchmark_features import BenchmarkFeatures
from dsc_eval.offline.shared_lists import SharedLists, naming
from dsc_server.building.indexing import build_index
from dsc_server.index.semantic_index import SemanticIndex
from dsc_server.ranking.rank import RankedList, rank
from dsc_server.receiving.registry import receive
from dsc_server.scheme_specs import SchemeSpec

HEAD_LABELS = 5  # T, as in the paper
NO_NOISE = LinkSettings(snr_db=math.inf)


@dataclass(frozen=True, eq=False)
class Scheme:
    """A scheme over one database: device, channel and server cores as they run behind gRPC."""

    spec: SchemeSpec
    index: SemanticIndex

    @property
    def format(self) -> PacketFormat:
        """Shape of its packets."""
        return self.index.format

    def pack(self, query: Extraction) -> bytes:
        """The bytes that a query sends."""
        packet = encode(
            query.feature,
            query.probabilities,
            self.index.codebook,
            self.format,
            self.spec.head_rule,
            sequential=self.spec.sequential,
        )
        return pack(packet, self.format)

    def answer(self, data: bytes, link: LinkSettings = NO_NOISE, request_id: str = "") -> RankedList:
        """The whole candidate list for a packet that goes over the air."""
        decoded = receive(self.index.summary, [transmit(data, self.format, link, request_id)])
        return rank(self.index, decoded, self.spec.ranking)

    def rank(self, query: Extraction) -> NDArray[np.int64]:
        """(n,) int64: the candidate list of a query without noise, best first."""
        return self.answer(self.pack(query)).images


def head_labels_for(num_labels: int) -> int:
    """T of a model with K labels: `HEAD_LABELS`, or K where it has fewer."""
    return min(HEAD_LABELS, num_labels)


def build_scheme(
    spec: SchemeSpec,
    features: BenchmarkFeatures,
    head_labels: int = HEAD_LABELS,
    seed: int = 0,
    shared: SharedLists | None = None,
    whitening: NDArray[np.float32] | None = None,
) -> Scheme:
    """Index a benchmark's database by a scheme.

    Args:
        spec: the scheme.
        features: of the benchmark.
        head_labels: T.
        seed: of k-means and of rotations.
        shared: lists of this database, where several schemes are built over it.
        whitening: (F, F') projection learned from matched pairs, for the rotation.

    Raises:
        InvalidInputError: a head larger than the number of partitions.
    """
    fmt = PacketFormat(num_partitions=features.num_labels, head_labels=head_labels)
    lists = shared.of(spec).lists if shared else None
    with naming(spec):
        index = build_index(
            features.database, features.top_labels, fmt, spec, seed=seed, lists=lists, whitening=whitening
        )
    return Scheme(spec, index)
