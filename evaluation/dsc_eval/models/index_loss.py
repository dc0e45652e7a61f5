"""Queries of another network against an index: mAP that they lose, beside those of the index itself."""

from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from dsc_common.benchmark.ground_truth import EvaluationQuery
from dsc_common.benchmark.metrics import average_precision, hit_ranks, mean
from dsc_common.errors import DamagedIndexError, InvalidInputError
from dsc_common.features.cached_extraction import extract_cached
from dsc_common.features.extraction import Extraction
from dsc_common.features.extractor import Extractor
from dsc_common.features.feature_cache import FeatureCache
from dsc_common.progress import Track, untracked
from dsc_eval.datasets.registry import read_benchmark
from dsc_eval.features.cache_folder import default_folder
from dsc_eval.measures.paired import PairedDifference, paired_difference
from dsc_eval.offline.scheme import Scheme
from dsc_server.index.catalogue import CatalogueImage
from dsc_server.index.files import LoadedIndex, read_index
from dsc_server.index.manifest import MODEL


@dataclass(frozen=True)
class IndexLoss:
    """mAP of the same queries with two networks, without noise.

    Attributes:
        codebook_version: of the index.
        model_sha256: of the other network.
        dataset: name of the ground truth.
        queries: number of queries whose positives are in the index.
        map_own: mAP with the network of the index.
        map_other: mAP with the other network.
        difference: own minus other, with its interval.
    """

    codebook_version: str
    model_sha256: str
    dataset: str
    queries: int
    map_own: float
    map_other: float
    difference: PairedDifference

    def as_dict(self) -> dict[str, object]:
        """As JSON, which `dsc-server accept --measured` reads."""
        interval = self.difference.interval
        return {
            "codebook_version": self.codebook_version,
            "model_sha256": self.model_sha256,
            "dataset": self.dataset,
            "queries": self.queries,
            "map_own": round(self.map_own, 6),
            "map_other": round(self.map_other, 6),
            "map_loss": round(interval.mean, 6),
            "map_loss_low": round(interval.low, 6),
            "map_loss_high": round(interval.high, 6),
            "p": round(self.difference.p, 6),
        }


def measure_index_loss(
    index: Path,
    model: Path,
    ground_truth: str,
    *,
    seed: int = 0,
    say: Callable[[str], None] = lambda _line: None,
    track: Track[Any] = untracked,
) -> IndexLoss:
    """Ask an index the queries of a ground truth, with its network and with another one.

    Args:
        index: the index directory; its photos are those of the ground truth, and perhaps others.
        model: the other network.
        ground_truth: a file, or NAME:DIR.
        seed: of the bootstrap.
        say: receives lines for a person.
        track: shows progress.

    Raises:
        InvalidInputError: the index has no network, or no positive of any query.
        DamagedIndexError: index or network are damaged.
        InvalidImageError: a query cannot be read.
    """
    loaded = read_index(index)
    own = _own_extractor(index, loaded)
    other = Extractor.from_file(model, threads=1)
    benchmark = read_benchmark(ground_truth)
    queries = queries_of_index(benchmark.queries, benchmark.database, loaded.catalogue)
    if len(queries) < len(benchmark.queries):
        say(f"note: {len(benchmark.queries) - len(queries)} queries have no positives in the index")
    if not queries:
        raise InvalidInputError(f"no photo of the ground truth {benchmark.name} is in the index {index}")
    scheme = Scheme(loaded.manifest.spec, loaded.index)
    with FeatureCache(default_folder(), say) as cache:
        mine, others = (
            _precisions(scheme, queries, _extracted(extractor, queries, cache, track))
            for extractor in (own, other)
        )
    difference = paired_difference(mine, others, seed, [query.group for query in queries])
    return IndexLoss(
        loaded.manifest.codebook_version,
        other.info.sha256,
        benchmark.name,
        len(queries),
        mean(mine),
        mean(others),
        difference,
    )


def queries_of_index(
    queries: Sequence[EvaluationQuery], database: Sequence[Path], catalogue: dict[int, CatalogueImage]
) -> list[EvaluationQuery]:
    """Queries with positives and junk by rows of an index; a query that is in the index itself is junk."""
    rows = {image.uri: row for row, image in catalogue.items()}
    row_of = {number: rows.get(path.resolve().as_uri()) for number, path in enumerate(database)}

    def in_index(numbers: frozenset[int]) -> frozenset[int]:
        return frozenset(row for number in numbers if (row := row_of[number]) is not None)

    moved = []
    for query in queries:
        itself = rows.get(query.path.resolve().as_uri())
        positives, junk = in_index(query.positives), in_index(query.junk)
        if itself is not None and itself not in positives:
            junk |= {itself}
        moved.append(replace(query, positives=positives, junk=junk))
    return [query for query in moved if query.positives]


def _own_extractor(index: Path, loaded: LoadedIndex) -> Extractor:
    if not loaded.manifest.accepted:
        raise InvalidInputError(f"this index has no network: its features were extracted elsewhere: {index}")
    own = Extractor.from_file(index / MODEL, threads=1)
    if own.info.sha256 != loaded.manifest.model_sha256:
        raise DamagedIndexError(f"{index / MODEL} was changed while it is in use")
    return own


def _extracted(
    extractor: Extractor, queries: Sequence[EvaluationQuery], cache: FeatureCache, track: Track[Any]
) -> list[Extraction]:
    asked = [(query.path, query.box) for query in queries]
    with closing(extract_cached(extractor, asked, cache)) as source:
        name = f"extracting the queries in {extractor.info.precision}"
        found = list(track(source, name, len(asked)))
    for extraction in found:
        if not isinstance(extraction, Extraction):
            raise extraction
    return found


def _precisions(
    scheme: Scheme, queries: Sequence[EvaluationQuery], extractions: Sequence[Extraction]
) -> list[float]:
    """Average precision of each query."""
    found = []
    for query, extraction in zip(queries, extractions, strict=True):
        ranks = hit_ranks(scheme.rank(extraction), query.positives, query.junk)
        found.append(average_precision(ranks, len(query.positives)))
    return found
