"""Rows beside a CSV: schemes compared over the same queries, and the spread over seeds of the index."""

import statistics
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations

from dsc_common.benchmark.metrics import mean
from dsc_eval.experiments.experiment import Experiment
from dsc_eval.measures.paired import paired_difference
from dsc_eval.offline.benchmark_data import SOURCE_COLUMNS, BenchmarkData
from dsc_eval.output import Row
from dsc_eval.scored_rows import ScoredRow

PAIRED = ("mAP", "other_mAP", "difference", "difference_low", "difference_high", "p", "queries", "groups")
SPREAD_OF = ("mAP", "mAP_trapezoidal", "recall")

Key = tuple[str | int | float, ...]


def paired_columns(experiment: Experiment) -> tuple[str, ...]:
    """Columns of NAME.paired.csv."""
    others = (f"other_{name}" for name in experiment.compared)
    return (*experiment.compared, *others, *experiment.condition, *PAIRED, "seeds", *SOURCE_COLUMNS)


def paired_rows(
    experiment: Experiment, runs: Sequence[Sequence[Row]], data: BenchmarkData, seed: int
) -> Iterator[Row]:
    """Every pair of rows of one condition: difference in mAP, its 95 % interval, and p of the sign-flip test.

    Args:
        experiment: what is compared, and when.
        runs: rows by seed of the index; of each query the mean over the seeds counts.
        data: groups of the queries.
        seed: of the bootstrap and of the flips.
    """
    for condition, precisions in _by_condition(experiment, runs).items():
        for first, second in combinations(precisions, 2):
            common = sorted(precisions[first].keys() & precisions[second].keys())
            if common:
                names = (*experiment.compared, *(f"other_{name}" for name in experiment.compared))
                named = dict(zip((*names, *experiment.condition), (*first, *second, *condition), strict=True))
                values = [[precisions[which][number] for number in common] for which in (first, second)]
                numbers = _paired(values, data.groups(common), seed)
                yield {**named, **numbers, "seeds": len(runs), **data.source}


def _paired(values: Sequence[Sequence[float]], groups: Sequence[str], seed: int) -> Row:
    """Columns `PAIRED` of two schemes' average precisions on the same queries."""
    one, other = values
    compared = paired_difference(one, other, seed, groups)
    interval = compared.interval
    numbers = (mean(one), mean(other), interval.mean, interval.low, interval.high, compared.p)
    counts = (len(one), len(set(groups)))
    return dict(zip(PAIRED, (*(round(number, 6) for number in numbers), *counts), strict=True))


def _by_condition(
    experiment: Experiment, runs: Sequence[Sequence[Row]]
) -> Mapping[Key, Mapping[Key, Mapping[int, float]]]:
    """Condition → what is compared → query → its average precision, the mean over the runs."""
    found: dict[Key, dict[Key, dict[int, list[float]]]] = defaultdict(lambda: defaultdict(dict))
    for rows in runs:
        for row in rows:
            if isinstance(row, ScoredRow):
                of_queries = found[_key(row, experiment.condition)][_key(row, experiment.compared)]
                for number, precision in row.precisions.items():
                    of_queries.setdefault(number, []).append(precision)
    return {
        condition: {
            what: {number: mean(values) for number, values in of_queries.items()}
            for what, of_queries in compared.items()
        }
        for condition, compared in found.items()
    }


def seed_columns(experiment: Experiment) -> tuple[str, ...]:
    """Columns of NAME.seeds.csv."""
    spread = (f"{name}_{kind}" for name in SPREAD_OF for kind in ("mean", "min", "max", "std"))
    keys = (*experiment.compared, *experiment.condition)
    return (*keys, "seeds", "first_index_seed", *spread, "queries", *SOURCE_COLUMNS)


def seed_rows(experiment: Experiment, runs: Sequence[Sequence[Row]], first: int) -> Iterator[Row]:
    """For each row of the first run: mean, least, largest and standard deviation over the indexes.

    Args:
        experiment: which columns name a row.
        runs: at least two, by seed of the index.
        first: the first seed.
    """
    keys = (*experiment.compared, *experiment.condition)
    by_key = [{_key(row, keys): row for row in rows} for rows in runs]
    for key, row in by_key[0].items():
        same = [rows[key] for rows in by_key if key in rows]
        spread: Row = {}
        for name in (name for name in SPREAD_OF if name in row):
            values = [float(other[name]) for other in same]
            spread[f"{name}_mean"] = round(mean(values), 6)
            spread[f"{name}_min"], spread[f"{name}_max"] = min(values), max(values)
            spread[f"{name}_std"] = round(statistics.stdev(values), 6) if len(values) > 1 else ""
        last = {name: row[name] for name in ("queries", *SOURCE_COLUMNS)}
        named = {name: row[name] for name in keys}
        yield {**named, "seeds": len(same), "first_index_seed": first, **spread, **last}


def _key(row: Row, columns: Sequence[str]) -> Key:
    return tuple(row[column] for column in columns)
