"""A benchmark whose features were extracted elsewhere: a ground truth and a feature file."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dsc_common.benchmark.ground_truth import (
    Benchmark,
    QueryEntry,
    parse_ground_truth,
    resolve_query,
)
from dsc_common.errors import InvalidInputError
from dsc_common.features.feature_file import FeatureFile, read_features
from dsc_common.features.feature_table import FeatureTable
from dsc_common.files.names import as_text
from dsc_common.files.scratch import scratch_array
from dsc_common.progress import Track, untracked
from dsc_eval.datasets.registry import is_published, read_benchmark
from dsc_eval.datasets.row_names import RowNames
from dsc_eval.features.benchmark_features import BenchmarkFeatures
from dsc_server.scheme_specs import MAX_SPILL


def read_table_benchmark(
    ground_truth: str, file: Path, track: Track[Any] = untracked
) -> tuple[Benchmark, BenchmarkFeatures]:
    """Benchmark and features of a ground truth whose photos need not be there.

    All rows of the file's database are the database, but for held-out queries. Queries are rows of the
    file's queries, or of its database if it has none.

    Args:
        ground_truth: a JSON file, or NAME:DIR; its images are found in the file by name (`RowNames`).
        file: the feature file.
        track: shows progress.

    Raises:
        InvalidInputError: a file is not as expected, or images of the ground truth are not in the file.
    """
    content = read_features(file)
    if is_published(ground_truth):
        benchmark, rows = _of_paths(read_benchmark(ground_truth), content.database, file)
        names = [query_name(as_text(query.path.as_posix()), query.box) for query in benchmark.queries]
    else:
        benchmark, rows, names = _of_names(Path(ground_truth), content.database, file)
    database = scratch_array((len(rows), content.database.features.shape[1]), np.float32)
    content.database.copy_unit_rows(database, rows, track)
    features = BenchmarkFeatures(
        database,
        content.database.labels[rows, :MAX_SPILL],
        content.database.probabilities[rows, :MAX_SPILL],
        [table.extraction(row) for table, row in _query_rows(names, content, file)],
        content.database.num_labels,
    )
    return benchmark, features


def query_name(image: str, box: tuple[float, float, float, float] | None) -> str:
    """The name of a query's row: of its image, with the box if it has one."""
    return image if box is None else f"{image}@{','.join(f'{corner:g}' for corner in box)}"


def _query_rows(names: list[str], content: FeatureFile, file: Path) -> list[tuple[FeatureTable, int]]:
    table = content.queries or content.database
    held = RowNames(table.names, str(file))
    found = [(name, _row_of_query(held, name)) for name in names]
    missing = [name for name, row in found if row is None]
    if missing:
        raise InvalidInputError(f"{file}: {len(missing)} queries are not there, first {missing[0]}")
    return [(table, row) for _, row in found if row is not None]


def _row_of_query(held: RowNames, name: str) -> int | None:
    row = held.row(name)
    return row if row is not None or "@" not in name else held.row(name.rpartition("@")[0])


def _of_names(path: Path, table: FeatureTable, file: Path) -> tuple[Benchmark, NDArray[np.int64], list[str]]:
    """Benchmark, rows of the database, and names of the queries of a ground truth file."""
    entry = parse_ground_truth(path)
    held = RowNames(table.names, str(file))
    answers = {name for query in entry.queries for name in (*query.positives, *query.junk)}
    asked = {query.image for query in entry.queries}
    rows = {name: held.row(name) for name in answers | asked}
    out = {rows[name] for name in asked} if entry.exclude_queries else set()
    missing = sorted(name for name in answers if rows[name] is None and name not in asked)
    if missing:
        raise InvalidInputError(f"{file}: {len(missing)} images of {path} are not there, first {missing[0]}")
    kept = np.array([row for row in range(len(table)) if row not in out], dtype=np.int64)
    place = {row: number for number, row in enumerate(kept.tolist())}
    position = {name: place[row] for name, row in rows.items() if row is not None and row in place}
    photos = {name: Path(name) for name in asked}
    queries = [resolve_query(query, photos, position, path) for query in entry.queries]
    names = [_name_of(query) for query in entry.queries]
    database = [Path(table.names[row]) for row in kept.tolist()]
    return Benchmark(entry.name, database, queries), kept, names


def _name_of(query: QueryEntry) -> str:
    return query_name(query.image, query.box)


def _of_paths(benchmark: Benchmark, table: FeatureTable, file: Path) -> tuple[Benchmark, NDArray[np.int64]]:
    """A published benchmark with its database in the rows of the file; rows beyond it are distractors."""
    held = RowNames(table.names, str(file))
    rows = [held.row(as_text(path.as_posix())) for path in benchmark.database]
    missing = [path for path, row in zip(benchmark.database, rows, strict=True) if row is None]
    if missing:
        raise InvalidInputError(f"{file}: {len(missing)} images are not there, first {missing[0]}")
    found = [row for row in rows if row is not None]
    known = {*found, *(held.row(as_text(query.path.as_posix())) for query in benchmark.queries)}
    others = [row for row in range(len(table)) if row not in known]
    database = [*benchmark.database, *(Path(table.names[row]) for row in others)]
    return replace(benchmark, database=database), np.array([*found, *others], dtype=np.int64)
