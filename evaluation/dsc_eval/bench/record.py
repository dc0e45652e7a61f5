"""The JSON file of a benchmark: rows, and how they were measured; it appears whole."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from dsc_common.errors import InvalidInputError
from dsc_eval.bench.threads import limited_threads, thread_pools
from dsc_eval.experiments.provenance import (
    CODE,
    SHOWN_BY,
    code_hash,
    describe_data,
    hardware,
    peak_memory_bytes,
    versions,
)
from dsc_eval.offline.benchmark_data import BenchmarkData, Provenance
from dsc_eval.output import Row, write_json
from dsc_eval.reading import names_of_runs

ROLES = tuple(name for name in CODE if name != "dsc_eval")
Record = Mapping[str, Any]


def conditions(settings: BaseModel, threads: int) -> dict[str, object]:
    """What decides times besides the data: threads, versions, code, hardware; before anything is measured.

    Args:
        settings: of the benchmark.
        threads: that NumPy, Faiss and the like are limited to.
    """
    with limited_threads(threads):
        pools = thread_pools()
    return {
        "settings": settings.model_dump(mode="json"),
        "thread_pools": pools,
        "versions": versions(),
        "code_sha256": code_hash(SHOWN_BY),
        "measured_sha256": code_hash((), ROLES),
        "hardware": hardware(),
    }


def described(data: BenchmarkData, origin: Provenance) -> dict[str, object]:
    """Data set and network."""
    source = describe_data(data.benchmark, data.features, origin.ground_truth, origin.distractors)
    return {"data": asdict(source), "backbone": origin.backbone}


def write_record(
    path: Path, name: str, how: Mapping[str, object], rows: Sequence[Row], spent: Mapping[str, object]
) -> None:
    """Rows and how they were measured → JSON.

    Args:
        path: the file.
        name: of the benchmark.
        how: `conditions`, and `described` where there are data.
        rows: the results.
        spent: time, and whatever else was measured of the run as a whole.
    """
    memory = {"peak_memory_bytes": peak_memory_bytes()}
    write_json(path, {"benchmark": name, **how, **spent, **memory, "rows": list(rows)})


def read_record(path: Path, name: str) -> Record:
    """The JSON file of a benchmark.

    Raises:
        InvalidInputError: the file cannot be read, or is not of this benchmark.
    """
    try:
        record = json.loads(path.read_bytes())
    except OSError as error:
        raise InvalidInputError(f"cannot read {path}: {error.strerror}") from error
    except ValueError as error:
        raise InvalidInputError(f"{path} is no JSON file: {error}") from error
    if not isinstance(record, dict) or record.get("benchmark") != name or not record.get("rows"):
        raise InvalidInputError(f"expected results of the benchmark {name} in {path}")
    return record


def read_runs(folder: Path, name: str) -> dict[str, Record]:
    """NAME.json and any NAME-….json beside it, by name; NAME first.

    Files of the same measured code are one run with the rows of all: a large database has a separate file.

    Raises:
        InvalidInputError: there is none, or one cannot be read.
    """
    runs: dict[str, Record] = {}
    by_code: dict[object, str] = {}
    for run in names_of_runs(folder, name, ".json"):
        record = read_record(folder / f"{run}.json", name)
        first = by_code.setdefault(record.get("measured_sha256", run), run)
        earlier = runs.get(first, {}).get("rows", [])
        runs[first] = {**record, **runs.get(first, {}), "rows": [*earlier, *record["rows"]]}
    return runs
