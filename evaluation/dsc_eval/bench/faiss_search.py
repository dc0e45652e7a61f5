"""Faiss as a contender: `IndexIVFPQ` and `IndexPQ` over the same features, asked with the same estimate.

The best of the first round are compared with their features, and the query is expanded with the first results
and compared again, as the project does where the packet arrived clearly. Features are held as float32, twice
the project's memory, to spare Faiss the conversion. The metric is the inner product: with 5 to 100
lists probed it is faster and more accurate than L2 (10,000 images, objects of UKBench and simulated ones).
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import faiss
import numpy as np
from numpy.typing import NDArray

from dsc_common.vectors import normalised
from dsc_eval.bench.contender import Contender
from dsc_server.index.semantic_index import SemanticIndex
from dsc_server.ranking.expansion import expand

_SEEDS = 1 << 31  # Faiss takes a 32-bit seed


@dataclass(frozen=True, eq=False)
class FaissIndexes:
    """Faiss over the features that the project ranks with.

    Attributes:
        features: (N, D) float32 of unit length.
        cells: inverted lists of PQ codes of residuals.
        flat: PQ codes of all images, all of which are compared.
        bits: L; fewer than the packet's where a database has fewer images than words.
        expansion: number of results that a query is averaged with.
    """

    features: NDArray[np.float32]
    cells: faiss.IndexIVFPQ
    flat: faiss.IndexPQ
    bits: int
    expansion: int


def build(index: SemanticIndex, num_lists: int, seed: int) -> FaissIndexes:
    """Faiss with codes of as many bytes as the index has.

    Args:
        index: with one code for all partitions, M × L bits, and features.
        num_lists: of `IndexIVFPQ`; at most N.
        seed: of k-means.
    """
    features = np.ascontiguousarray(index.features, dtype=np.float32)
    dim, num_subvectors = features.shape[1], index.format.num_subvectors
    bits = min(index.format.bits_per_subvector, len(features).bit_length() - 1)
    metric = faiss.METRIC_INNER_PRODUCT
    cells = faiss.IndexIVFPQ(
        faiss.IndexFlatIP(dim), dim, min(num_lists, len(features)), num_subvectors, bits, metric
    )
    flat = faiss.IndexPQ(dim, num_subvectors, bits, metric)
    for clustering in (cells.cp, cells.pq.cp, flat.pq.cp):
        clustering.seed = seed % _SEEDS
        clustering.min_points_per_centroid = 1  # no warning about small databases
    for made in (cells, flat):
        made.train(features)
        made.add(features)
    return FaissIndexes(features, cells, flat, bits, index.expansion)


def faiss_contenders(
    made: FaissIndexes, estimates: Sequence[NDArray[np.float32]], probes: Sequence[int], depth: int
) -> Iterator[Contender]:
    """A contender for each number of probed lists, and one that compares all codes.

    Args:
        made: by `build`.
        estimates: (D,) float32 for each query, the estimates of q.
        probes: numbers of lists; more than there are give the same result, and are left out.
        depth: images of the first round that are re-ranked.
    """
    asked = [normalised(estimate[None]) for estimate in estimates]
    lists = np.array([made.cells.get_list_size(number) for number in range(made.cells.nlist)])

    def first_round(
        index: faiss.Index, parameters: faiss.SearchParameters | None
    ) -> Callable[[int], NDArray[np.int64]]:
        return lambda number: index.search(asked[number], depth, params=parameters)[1][0]

    for count in probes:
        if count <= made.cells.nlist:
            yield _refined(
                made,
                asked,
                "faiss IVFPQ",
                {"setting": f"nprobe {count:,}", "nprobe": count, "rerank_depth": depth},
                first_round(made.cells, _probing(count)),
                lambda number, _images, count=count: int(  # type: ignore[misc]
                    lists[made.cells.quantizer.search(asked[number], count)[1][0]].sum()
                ),
            )
    exhaustive: dict[str, int | str] = {"setting": "all codes", "rerank_depth": depth}
    yield _refined(
        made,
        asked,
        "faiss PQ",
        exhaustive,
        first_round(made.flat, None),
        lambda _number, _images: len(made.features),
    )


def _probing(count: int) -> faiss.SearchParameters:
    parameters = faiss.SearchParametersIVF()
    parameters.nprobe = count
    return parameters


def _refined(
    made: FaissIndexes,
    asked: Sequence[NDArray[np.float32]],
    system: str,
    setting: dict[str, int | str],
    first_round: Callable[[int], NDArray[np.int64]],
    candidates: Callable[[int, NDArray[np.int64]], int],
) -> Contender:
    def answer(number: int) -> NDArray[np.int64]:
        images = first_round(number)
        return refined(asked[number][0], images[images >= 0], made.features, made.expansion)

    described = {"nlist": made.cells.nlist, "bits": made.bits}
    return Contender(system, setting | described, answer, candidates)


def refined(
    q: NDArray[np.float32], images: NDArray[np.int64], features: NDArray[np.float32], expansion: int
) -> NDArray[np.int64]:
    """Images by their features, after expansion of the query with the first results.

    Args:
        q: (D,) float32, of unit length.
        images: (n,) int64, the best of the first round.
        features: (N, D) float32 of unit length.
        expansion: number of results that the query is averaged with.

    Returns:
        (n,) int64, best first.
    """
    compared = features[images]
    similarities = compared @ q
    if expansion and len(images):
        best = np.argsort(-similarities, kind="stable")[:expansion]
        similarities = compared @ expand(q, compared[best], similarities[best])
    return np.asarray(images[np.argsort(-similarities, kind="stable")])
