"""A run added to an earlier one: its rows replace those of the same key, and the JSON describes both."""

import json
from collections.abc import Sequence
from pathlib import Path

from dsc_common.errors import InvalidInputError
from dsc_eval.experiments.experiment import Experiment
from dsc_eval.output import Row
from dsc_eval.reading import read_rows

EARLIER = "earlier_runs"


def earlier_rows(path: Path, experiment: Experiment) -> list[Row]:
    """Rows of an earlier run's CSV; none where there is no file.

    Raises:
        InvalidInputError: the file is not a CSV of this experiment.
    """
    keys = (*experiment.compared, *experiment.condition)
    if not keys:
        raise InvalidInputError(f"rows of {experiment.name} have no key to be merged by")
    return [dict(row) for row in read_rows(path, keys)] if path.exists() else []


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
        before = record.pop(EARLIER, [])
        return [*before, record]
    except (OSError, ValueError, AttributeError, TypeError) as error:
        raise InvalidInputError(f"{path} does not describe a run: {error}") from error


def _key(row: Row, experiment: Experiment) -> tuple[str, ...]:
    return tuple(str(row.get(name)) for name in ("dataset", *experiment.compared, *experiment.condition))
