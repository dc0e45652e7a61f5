"""A run added to an earlier one: its rows replace those of the same key, and the JSON describes both."""

import json
from collections.abc import Sequence
from pathlib import Path

from dsc_common.errors import InvalidInputError
from dsc_eval.experiments.experiment import Experiment
from dsc_eval.output import Row
from dsc_eval.reading import read_rows

EARLIER = "earlier_runs"


def earlier_rows(path: Path, experiment: Experiment, sources: Sequence[Row]) -> list[Row]:
    """Rows of an earlier run's CSV; none where there is no file.

    Args:
        path: the CSV.
        experiment: whose rows they are.
        sources: data set and network, of each data set of the run that is added.

    Raises:
        InvalidInputError: the file is not a CSV of this experiment, or it is of another data set or network.
    """
    keys = (*experiment.compared, *experiment.condition)
    if not keys:
        raise InvalidInputError(f"rows of {experiment.name} have no key to be merged by")
    rows: list[Row] = [dict(row) for row in read_rows(path, keys)] if path.exists() else []
    for row in rows:
        _require_fit(row, path, experiment, sources)
        row["dataset"] = row.get("dataset") or sources[0]["dataset"]  # the first CSVs did not say
    return rows


def _require_fit(row: Row, path: Path, experiment: Experiment, sources: Sequence[Row]) -> None:
    for name in row:
        if name is None:  # so the reader calls cells behind the last column
            raise InvalidInputError(f"{path} has a row with more cells than columns")
        if name not in experiment.columns:
            raise InvalidInputError(f"{path} has the column {name}, which rows of {experiment.name} lack")
    misfits = [_misfit(row, source) for source in sources]
    if misfits[0] is not None and all(misfits):
        name, expected = misfits[0]
        raise InvalidInputError(
            f"{path} has rows of the {name} {row[name]}, not {expected}; --name writes another file"
        )


def _misfit(row: Row, source: Row) -> tuple[str, object] | None:
    """A column that differs, and what it should be."""
    for name, expected in source.items():
        if row.get(name) not in (None, "", expected):
            return name, expected
    return None


def merged(earlier: Sequence[Row], rows: Sequence[Row], experiment: Experiment) -> list[Row]:
    """Earlier rows in their order, those measured again replaced; then the rows that are new."""
    new = {_key(row, experiment): row for row in rows}
    kept = [new.pop(_key(row, experiment), row) for row in earlier]
    return [*kept, *new.values()]


def earlier_runs(path: Path) -> list[object]:
    """Descriptions of the earlier runs in a JSON file, oldest first; none where there is no file.

    Raises:
        InvalidInputError: the file is not the description of a run.
    """
    if not path.exists():
        return []
    try:
        record = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise InvalidInputError(f"{path} does not describe a run: {error}") from error
    before = record.pop(EARLIER, []) if isinstance(record, dict) else None
    if not isinstance(before, list):
        raise InvalidInputError(f"{path} does not describe a run: expected an object with a list {EARLIER}")
    return [*before, record] if record else before  # a run that was stopped describes only those before it


def _key(row: Row, experiment: Experiment) -> tuple[str, ...]:
    keys = ("dataset", *experiment.compared, *experiment.condition)
    return tuple(_plain(row.get(name)) for name in keys)


def _plain(cell: object) -> str:
    """A cell as text; numbers as Python writes them, as spreadsheets turn 0.0 into 0."""
    try:
        return repr(float(str(cell)))
    except ValueError:
        return str(cell)
