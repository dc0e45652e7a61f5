"""Inverted lists of one database, made once for all schemes that begin with the same ones."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from dsc_common.errors import InvalidInputError
from dsc_eval.features.benchmark_features import BenchmarkFeatures
from dsc_server.building.partitioning import InvertedLists, lists_key, partition
from dsc_server.scheme_specs import SchemeSpec


@dataclass(frozen=True, eq=False)
class TimedLists:
    """Lists, and the time that it took to make them."""

    lists: InvertedLists
    seconds: float


@dataclass(frozen=True, eq=False)
class SharedLists:
    """Lists of a benchmark's database, by what schemes ask for; k-means on a large one takes minutes.

    Attributes:
        features: of the benchmark.
        seed: of k-means.
    """

    features: BenchmarkFeatures
    seed: int = 0
    _made: dict[tuple[str, int, int, bool], TimedLists] = field(default_factory=dict)

    def of(self, spec: SchemeSpec) -> TimedLists:
        """The lists that `build_index` would make for this scheme.

        Raises:
            InvalidInputError: as `partition`.
        """
        key = lists_key(spec)
        if key not in self._made:
            start = time.perf_counter()
            features = self.features
            with naming(spec):
                lists = partition(
                    features.database, features.top_labels, features.num_labels, spec, self.seed
                )
            self._made[key] = TimedLists(lists, time.perf_counter() - start)
        return self._made[key]


@contextmanager
def naming(spec: SchemeSpec) -> Iterator[None]:
    """Put the scheme's name into errors: it may be one of many."""
    try:
        yield
    except InvalidInputError as error:
        raise InvalidInputError(f"scheme {spec.name}: {error}") from error
