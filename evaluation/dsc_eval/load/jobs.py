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
            "role": peer.role,
            "address": peer.address,
            "tls_ca": None if peer.tls_ca is None else str(peer.tls_ca),
            "use_proxy": peer.use_proxy,
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
    tls_ca = None if fields["tls_ca"] is None else Path(fields["tls_ca"])
    peer = Peer(fields["role"], fields["address"], tls_ca, fields["use_proxy"])
    requests = [base64.b64decode(request) for request in fields["requests"]]
    target = Target(peer, Method(fields["method"]), requests, fields["wait_s"], fields["connections"])
    return Job(target, Plan(**fields["plan"]))


def report_to_line(report: LoadReport) -> str:
    """One line of JSON."""
    return json.dumps(asdict(report))


def report_from_line(line: str) -> LoadReport:
    """The inverse of `report_to_line`."""
    return LoadReport(**json.loads(line))
