"""Jobs of a generator process as lines of JSON, and the reports that it answers with."""

import base64
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from dsc_common.serving.address import Peer
from dsc_eval.load.calling import Method, Target
from dsc_eval.load.closed_loop import Plan
from dsc_eval.load.report import LoadReport

_FILES = ("tls_ca", "tls_certificate", "tls_key", "token_file")  # of a peer


@dataclass(frozen=True)
class Job:
    """A load that a generator is to make."""

    target: Target
    plan: Plan


def job_to_line(job: Job) -> str:
    """One line of JSON; requests are in base64."""
    target, peer = job.target, job.target.peer
    return json.dumps(
        {
            "peer": {
                name: str(value) if isinstance(value, Path) else value for name, value in vars(peer).items()
            },
            "method": target.method,
            "requests": [base64.b64encode(request).decode() for request in target.requests],
            "wait_s": target.wait_s,
            "connections": target.connections,
            "plan": asdict(job.plan),
        }
    )


def job_from_line(line: str) -> Job:
    """The inverse of `job_to_line`."""
    fields: Mapping[str, Any] = json.loads(line)
    values: Mapping[str, Any] = fields["peer"]
    paths = {name: Path(values[name]) for name in _FILES if values[name] is not None}
    peer = Peer(**{**values, **paths})
    requests = [base64.b64decode(request) for request in fields["requests"]]
    target = Target(peer, Method(fields["method"]), requests, fields["wait_s"], fields["connections"])
    return Job(target, Plan(**fields["plan"]))


def report_to_line(report: LoadReport) -> str:
    """One line of JSON."""
    return json.dumps(asdict(report))


def report_from_line(line: str) -> LoadReport:
    """The inverse of `report_to_line`."""
    return LoadReport(**json.loads(line))
