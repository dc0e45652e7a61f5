"""Photos to train on, their clusters and matches; and the tuples (query, positive, negatives) of an epoch."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dsc_common.errors import InvalidInputError
from dsc_common.features.images import Box


@dataclass(frozen=True)
class Photo:
    """A photo, or a box of it in pixels of the upright photo."""

    path: Path
    box: Box | None = None


@dataclass(frozen=True, eq=False)
class TrainingSet:
    """Photos to train on.

    Attributes:
        name: of the data.
        photos: n photos.
        clusters: (n,) int64; photos of one cluster are never negatives of each other.
        queries: (Q,) int64 positions of photos that have a match.
        positives: the matches of each query, by position; at least one.
        notices: lines for a person.
    """

    name: str
    photos: tuple[Photo, ...]
    clusters: NDArray[np.int64]
    queries: NDArray[np.int64]
    positives: tuple[NDArray[np.int64], ...]
    notices: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Choice:
    """What an epoch trains on before its negatives are mined.

    Attributes:
        queries: (n,) int64 positions of photos.
        positives: (n,) int64.
        pool: (P,) int64 photos that may become negatives.
    """

    queries: NDArray[np.int64]
    positives: NDArray[np.int64]
    pool: NDArray[np.int64]


def require_trainable(data: TrainingSet, negatives: int) -> None:
    """Raise InvalidInputError unless each query can have its negatives, each of another cluster."""
    if not len(data.queries):
        raise InvalidInputError(f"{data.name} has no two photos of one group: there is nothing to train on")
    clusters = len(np.unique(data.clusters))
    if clusters <= negatives:
        raise InvalidInputError(
            f"expected photos of at least {negatives + 1} groups, for {negatives} negatives of other groups "
            f"each, got {clusters}: {data.name}"
        )


def choose(data: TrainingSet, queries: int, pool: int, negatives: int, seed: int, epoch: int) -> Choice:
    """The queries, positives and pool of an epoch; they depend on the seed and the epoch alone.

    A pool too small to hold `negatives` clusters beside that of any query is filled up with one photo each
    of further clusters.

    Args:
        data: the photos.
        queries: number of queries; all where there are fewer.
        pool: number of photos of the pool; all where there are fewer.
        negatives: of a query.
        seed: of the training.
        epoch: from 0.
    """
    rng = np.random.default_rng([seed, epoch])
    chosen = rng.permutation(len(data.queries))[:queries]
    positives = [data.positives[row][rng.integers(len(data.positives[row]))] for row in chosen.tolist()]
    order = rng.permutation(len(data.photos))
    return Choice(
        data.queries[chosen],
        np.array(positives, dtype=np.int64),
        _with_clusters(order[:pool], order[pool:], data.clusters, negatives + 1),
    )


def _with_clusters(
    pool: NDArray[np.int64], others: NDArray[np.int64], clusters: NDArray[np.int64], count: int
) -> NDArray[np.int64]:
    seen = set(clusters[pool].tolist())
    added: list[int] = []
    for photo in others.tolist():
        if len(seen) >= count:
            break
        if int(clusters[photo]) not in seen:
            seen.add(int(clusters[photo]))
            added.append(photo)
    return np.concatenate([pool, np.array(added, dtype=np.int64)])


def joined(count: int, pairs: Sequence[tuple[int, int]]) -> NDArray[np.int64]:
    """(count,) int64: clusters, numbered from 0 by their first member; the members of each pair share one."""
    parent = list(range(count))

    def root(member: int) -> int:
        while parent[member] != member:
            parent[member] = parent[parent[member]]
            member = parent[member]
        return member

    for a, b in pairs:
        low, high = sorted((root(a), root(b)))
        parent[high] = low
    return np.unique([root(member) for member in range(count)], return_inverse=True)[1].astype(np.int64)
