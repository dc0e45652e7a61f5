"""Jobs of a generator process as lines of JSON, and what it answers with."""

import base64
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import TypeAdapter

from dsc_common.serving.address import Peer
from dsc_eval.load.calling import Method, Target
from dsc_eval.load.closed_loop import Plan
from dsc_eval.load.open_loop import OpenOutcome, OpenPlan
from dsc_eval.load.report import LoadReport

_PEER = TypeAdapter(Peer)


@dataclass(frozen=True)
class Job:
    """A load that a generator is to make, in a closed or an open loop."""

    target: Target
    plan: Plan | OpenPlan


def job_to_line(job: Job) -> str:
    """One line of JSON; requests are in base64."""
    target = job.target
    return json.dumps(
        {
            "peer": _PEER.dump_python(target.peer, mode="json"),
            "method": target.method,
            "requests": [base64.b64encode(request).decode() for request in target.requests],
            "wait_s": target.wait_s,
            "connections": target.connections,
            "open" if isinstance(job.plan, OpenPlan) else "closed": asdict(job.plan),
        }
    )


def job_from_line(line: str) -> Job:
    """The inverse of `job_to_line`."""
    parts: Mapping[str, Any] = json.loads(line)
    peer = _PEER.validate_python(parts["peer"])
    requests = [base64.b64decode(request) for request in parts["requests"]]
    target = Target(peer, Method(parts["method"]), requests, parts["wait_s"], parts["connections"])
    return Job(target, OpenPlan(**parts["open"]) if "open" in parts else Plan(**parts["closed"]))


def report_to_line(report: LoadReport) -> str:
    """One line of JSON."""
    return json.dumps(asdict(report))


def report_from_line(line: str) -> LoadReport:
    """The inverse of `report_to_line`."""
    return LoadReport(**json.loads(line))


def outcome_to_line(outcome: OpenOutcome) -> str:
    """One line of JSON; arrays are bytes in base64, whose types are those of `OpenOutcome`."""
    values = {field.name: getattr(outcome, field.name) for field in fields(outcome)}
    return json.dumps({name: _plain(value) for name, value in values.items()})


def outcome_from_line(line: str) -> OpenOutcome:
    """The inverse of `outcome_to_line`."""
    values: dict[str, Any] = json.loads(line)
    arrays = {name: _array(values[name], np.float64) for name in ("latencies_s", "late_s")}
    numbers = {name: _array(values[name], np.int64) for name in ("codes", "messages")}
    return OpenOutcome(**{**values, **arrays, **numbers, "names": tuple(values["names"])})


def _plain(value: object) -> object:
    return base64.b64encode(value.tobytes()).decode() if isinstance(value, np.ndarray) else value


def _array(text: str, kind: type[Any]) -> NDArray[Any]:
    return np.frombuffer(base64.b64decode(text), dtype=kind)
