"""One step of a ramp: a rate that was offered, and the verdict on it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from dsc_eval.load.open_report import OpenReport
from dsc_eval.load_test.uses import ProcessUse


class Verdict(StrEnum):
    """Whether a rate was held."""

    HELD = "held"
    FAILED = "failed"
    GENERATOR = "generator"  # it could not offer the rate, so nothing is known about the service


@dataclass(frozen=True)
class Bound:
    """What a rate has to keep to.

    Attributes:
        p99_ms: highest 99th percentile of the latency.
        max_errors: highest fraction of requests with an error.
    """

    p99_ms: float
    max_errors: float = 0.001


@dataclass(frozen=True)
class Step:
    """A measurement at one rate.

    Attributes:
        report: what was measured.
        verdict: on it.
        reason: of the verdict, in a line.
        uses: what the processes took, by role.
    """

    report: OpenReport
    verdict: Verdict
    reason: str
    uses: Mapping[str, ProcessUse] = field(default_factory=dict)


def judge(report: OpenReport, bound: Bound) -> tuple[Verdict, str]:
    """The verdict on a report, and its reason.

    A generator that sends its requests later than half of the bound is itself what makes them late.
    """
    late_ms = report.late_p99_ms or 0.0
    if late_ms > bound.p99_ms / 2:
        return Verdict.GENERATOR, f"it sends late: p99 {late_ms:.1f} ms"
    if report.errors > bound.max_errors * report.offered:
        return Verdict.FAILED, f"{report.errors} of {report.offered} requests have errors"
    if report.p99_ms is None:
        return Verdict.FAILED, "no request was answered"
    if report.p99_ms > bound.p99_ms:
        return Verdict.FAILED, f"p99 {report.p99_ms:.1f} ms > {bound.p99_ms:g} ms"
    if report.not_sent:
        return Verdict.GENERATOR, f"{report.not_sent} requests were not sent: too many under way"
    return Verdict.HELD, f"p99 {report.p99_ms:.1f} ms"
