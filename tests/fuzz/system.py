"""What is fuzzed: small indexes of several schemes, and for each the edges of a server and a channel."""

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import grpc
import numpy as np

from dsc.v1 import retrieval_pb2, transmission_pb2, transmission_pb2_grpc
from dsc_channel.caps import LinkCaps
from dsc_channel.services import TransmissionService
from dsc_common.errors import DscError
from dsc_common.features.feature_file import FeatureFile, write_features
from dsc_common.features.feature_table import FeatureTable
from dsc_common.radio.link import LinkSettings
from dsc_common.serving.access import RelayAccess
from dsc_common.serving.batches import Batches, batches_in_threads
from dsc_common.serving.roles import Role
from dsc_common.serving.server import Service
from dsc_common.serving.status import STATUS, TRAILER, PeerStatusError
from dsc_server.building.from_features import build_from_features
from dsc_server.building.options import BuildOptions
from dsc_server.index.files import read_index
from dsc_server.ranking.preparing import prepare
from dsc_server.serving.services import services as server_services
from dsc_server.tokens.access import TokenAccess
from dsc_server.tokens.book import Book, Entry, write_book
from fuzz.edge import Answer, Edge, Metadata
from fuzz.inputs import Input
from fuzz.seeds import RETRIEVE, seeds_of

SCHEMES = (
    *(
        "dsc",
        "dsc-pq",
        "dsc-pq+set+scrambled+fused",
        "dsc-raw",
        "duc-ivf-pq+K=16",
        "duc-imi-pq+K=16",
        "duc-pq",
    ),
    "hybrid+D=16",
)
IMAGES, LABELS, DIM = 120, 40, 40
GUARDED = "dsc-pq"  # asks for a token
TOKEN = "dsc_" + "x" * 43
MAX_LATENCY_MS = 5.0  # a request may not wait for long
MAX_RESENDS = 4
TABLE_BYTES = 16 << 20
_CLASSES = {kind.__name__: kind for kind in STATUS}


def build_indexes(folder: Path, schemes: Sequence[str] = SCHEMES) -> dict[str, Path]:
    """An index of each scheme, of the same random features."""
    rng = np.random.default_rng(3)
    features = rng.standard_normal((IMAGES, DIM)).astype(np.float32)
    features /= np.linalg.norm(features, axis=1, keepdims=True)
    labels = np.argsort(rng.random((IMAGES, LABELS)), axis=1)[:, :10]
    table = FeatureTable(
        [f"{n}.jpg" for n in range(IMAGES)],
        features,
        labels,
        np.full((IMAGES, 10), 0.1, dtype=np.float32),
        LABELS,
    )
    write_features(folder / "features.safetensors", FeatureFile(table))
    for number, scheme in enumerate(schemes):
        build_from_features(
            folder / "features.safetensors",
            folder / str(number),
            BuildOptions(scheme=scheme),
            say=lambda _line: None,
        )
    return {scheme: folder / str(number) for number, scheme in enumerate(schemes)}


@dataclass(frozen=True)
class System:
    """Edges by role and scheme, and valid requests to them."""

    edges: dict[tuple[str, str], Edge]
    seeds: Sequence[Input]

    async def answer(self, each: Input) -> Answer:
        """The answer to an input."""
        edge = self.edges[each.role, each.scheme]
        return await edge.call(each.method, each.data, each.metadata)


@contextmanager
def system_of(indexes: dict[str, Path], *, with_ldpc: bool) -> Iterator[System]:
    """Servers and channels of these indexes, in this process."""
    edges: dict[tuple[str, str], Edge] = {}
    seeds: list[Input] = []
    with batches_in_threads(1) as work:
        for scheme, path in indexes.items():
            loaded = read_index(path)
            prepare(loaded.index, TABLE_BYTES)
            guarded = scheme == GUARDED
            access = TokenAccess(_tokens(path)) if guarded else None
            relay = RelayAccess(require_token=guarded)
            edges["server", scheme] = server = Edge(server_services(loaded, work), access)
            edges["channel", scheme] = Edge([_channel(server, work)], relay)
            metadata = (("authorization", f"Bearer {TOKEN}"),) if guarded else ()
            valid = seeds_of(scheme, loaded, with_ldpc=with_ldpc)
            seeds += [replace(each, metadata=metadata) for each in valid]
        yield System(edges, seeds)


def _tokens(index: Path) -> Path:
    """A file of tokens beside an index, with a single token of a device."""
    path = index.with_name("tokens.json")
    entry = Entry("fuzz", Role.DEVICE, "2026-01-01", hashlib.sha256(TOKEN.encode()).hexdigest())
    write_book(path, Book((entry,)))
    return path


class _Server:
    """In place of the channel's client: the edge of its server, without a connection between."""

    def __init__(self, edge: Edge) -> None:
        self._edge = edge

    async def retrieve(
        self, request: retrieval_pb2.RetrieveRequest, left_s: float | None = None, metadata: Metadata = ()
    ) -> retrieval_pb2.RetrieveResponse:
        answer = await self._edge.call(RETRIEVE, request.SerializeToString(), metadata, left_s)
        if answer.code is grpc.StatusCode.OK:
            return retrieval_pb2.RetrieveResponse.FromString(answer.messages[0])
        if answer.escaped is not None:
            raise answer.escaped
        kind = _CLASSES.get(str(dict(answer.trailing).get(TRAILER)), DscError)
        if kind is DscError:
            raise PeerStatusError(answer.details, answer.code)
        raise kind(answer.details)


def _channel(server: Edge, work: Batches) -> Service:
    caps = LinkCaps(max_latency_ms=MAX_LATENCY_MS, max_resends=MAX_RESENDS)
    servicer = TransmissionService(_Server(server), LinkSettings(), caps, work)  # type: ignore[arg-type]
    return Service(
        transmission_pb2.DESCRIPTOR.services_by_name["TransmissionService"].full_name,
        transmission_pb2_grpc.add_TransmissionServiceServicer_to_server,
        servicer,
        role=Role.READ,
    )
