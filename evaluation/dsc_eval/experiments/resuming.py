"""Whether files are those of a finished run with the same experiment, settings, data, versions and code."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from dsc_eval.output import as_json


def is_measured(identity: Mapping[str, object], out: Path, file_name: str) -> bool:
    """Whether NAME.json describes such a run, and its CSV files are as they were written.

    Args:
        identity: experiment, settings, data, network, versions and code of the run that is asked for.
        out: folder.
        file_name: NAME.
    """
    asked = json.loads(as_json(with_simulated(identity, [])))
    try:
        record = json.loads((out / f"{file_name}.json").read_bytes())
        written = {f"{file_name}.csv": record["csv_sha256"], **record["beside_sha256"]}
        found = with_simulated({key: record.get(key) for key in asked}, [])
        return found == asked and all(sha256_of(out / name) == digest for name, digest in written.items())
    except (OSError, ValueError, KeyError, TypeError, AttributeError):  # none, or not of a whole run
        return False


def with_simulated(identity: Mapping[str, Any], simulated: Sequence[int]) -> dict[str, Any]:
    """The identity with the sizes of the simulated additions, which are known at the end of a run."""
    data = identity["data"]
    if isinstance(data, list):
        return {**identity, "data": [source | {"simulated": list(simulated)} for source in data]}
    return {**identity, "data": data | {"simulated": list(simulated)}}


def sha256_of(path: Path) -> str:
    """SHA-256 of a file, lower-case hexadecimal."""
    return hashlib.sha256(path.read_bytes()).hexdigest()
