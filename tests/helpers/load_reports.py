"""Reports on an open loop, for tests of what is made of them."""

from dataclasses import replace
from typing import Any

from dsc_eval.load.open_report import OpenReport


def a_report(rate: float, p99_ms: float | None = 10.0, **others: Any) -> OpenReport:
    """A report on 1000 requests that were answered, or not."""
    answered = 0 if p99_ms is None else 1000
    made = OpenReport(
        *(rate, 5.0, 1000, rate, rate, answered, p99_ms, p99_ms, p99_ms, p99_ms),
        *(0, None, None, {"OK": answered}, 0, 0.1, 0.2, 0.3, 1, 0.2, 1000),
    )
    return replace(made, **others)
