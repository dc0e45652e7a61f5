"""A small database whose labels say where features lie, and queries that are much like its images."""

from functools import cache

import numpy as np
from numpy.typing import NDArray

from dsc_common.features.extraction import Extraction
from dsc_common.packet.format import PacketFormat
from dsc_common.packet.packing import pack
from dsc_device.encoding import encode
from dsc_server.building.indexing import build_index
from dsc_server.index.semantic_index import SemanticIndex
from dsc_server.scheme_specs import SCHEMES, parse_scheme

K, F, N, T = 24, 16, 300, 3
EMPTY = (5, 11)  # labels that no image has
FMT = PacketFormat(K, T, 4, 8)
# Every scheme, with as many cells and sub-vectors as so small a database is worth.
SIZES = {
    **dict.fromkeys(("dsc", "dsc-shared", "duc-pq"), "+M=8"),
    **dict.fromkeys(("duc-ivf-pq", "duc-ivf-raw", "duc-gp-raw"), "+K=12"),
    **dict.fromkeys(("duc-imi-pq", "duc-imi-raw"), "+K=16"),
}
SMALL = {name: name + SIZES.get(name, "") for name in SCHEMES}


@cache
def centres() -> NDArray[np.float64]:
    """(K, F)."""
    return np.random.default_rng(0).standard_normal((K, F))


def logits(features: NDArray[np.float32]) -> NDArray[np.float64]:
    """(n, F) → (n, K): a classifier that knows the centres; nothing is of the empty labels."""
    found = 4.0 * features @ centres().T
    found[:, EMPTY] -= 100
    return np.asarray(found, dtype=np.float64)


@cache
def database() -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """(N, F) of unit length, and (N, 10) the likeliest labels of each."""
    rng = np.random.default_rng(1)
    drawn = centres()[rng.integers(0, K, N)] + 0.7 * rng.standard_normal((N, F))
    features = (drawn / np.linalg.norm(drawn, axis=1, keepdims=True)).astype(np.float32)
    return features, np.argsort(-logits(features), axis=1, kind="stable")[:, :10]


@cache
def index_of(scheme: str) -> SemanticIndex:
    """Built once."""
    return build_index(*database(), FMT, parse_scheme(scheme))


def queries(count: int, seed: int = 2) -> tuple[list[Extraction], list[int]]:
    """Images of the database, a little changed; and which they are."""
    features, _ = database()
    rng = np.random.default_rng(seed)
    chosen = rng.integers(0, N, count)
    drawn = features[chosen] + 0.06 * rng.standard_normal((count, F))
    near = (drawn / np.linalg.norm(drawn, axis=1, keepdims=True)).astype(np.float32)
    scores = np.exp(logits(near) - logits(near).max(axis=1, keepdims=True))
    probabilities = (scores / scores.sum(axis=1, keepdims=True)).astype(np.float32)
    return [Extraction(q, p) for q, p in zip(near, probabilities, strict=True)], chosen.tolist()


def packed(index: SemanticIndex, scheme: str, query: Extraction) -> bytes:
    """What a device sends."""
    spec = parse_scheme(scheme)
    packet = encode(
        *(query.feature, query.probabilities, index.codebook, index.format, spec.head_rule),
        sequential=spec.sequential,
    )
    return pack(packet, index.format)
