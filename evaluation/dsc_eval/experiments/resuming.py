"""Whether files are those of a finished run with the same experiment, settings, data, versions and code."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dsc_eval.output import as_json


def is_measured(identity: Mapping[str, object], out: Path, file_name: str) -> bool:
    """Whether NAME.json describes such a run, and its CSV files are as they were written.

    Args:
        identity: `identity` of the run that is asked for.
        out: folder.
        file_name: NAME.
    """
    try:
        record = json.loads((out / f"{file_name}.json").read_bytes())
        written = {f"{file_name}.csv": record["csv_sha256"], **record["beside_sha256"]}
        same = all(_without_simulated(record.get(key)) == value for key, value in _asked(identity).items())
        return same and all(
            hashlib.sha256((out / name).read_bytes()).hexdigest() == digest
            for name, digest in written.items()
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError):  # none, or not of a whole run
        return False


def _asked(identity: Mapping[str, object]) -> dict[str, Any]:
    """The identity as it is read from JSON."""
    plain = json.loads(as_json(identity))
    return {key: _without_simulated(value) for key, value in plain.items()}


def _without_simulated(value: Any) -> Any:  # noqa: ANN401 - any JSON
    """Without the sizes of simulated additions, which are known at the end; the settings have them."""
    if isinstance(value, list):
        return [_without_simulated(item) for item in value]
    if isinstance(value, dict) and "features_sha256" in value:
        return {key: item for key, item in value.items() if key != "simulated"}
    return value


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
