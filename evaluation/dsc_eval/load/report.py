"""The report on a load: requests per second, latencies, errors by status."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from dsc_eval.load.closed_loop import Outcome
from dsc_eval.output import Row, rounded


@dataclass(frozen=True)
class LoadReport:
    """What C clients in a closed loop saw.

    Attributes:
        clients: C.
        seconds: length of the measurement.
        answered: requests with the status OK.
        per_second: answered requests per second.
        p50_ms, p90_ms, p99_ms, max_ms: the latency in milliseconds that 50, 90, 99 and 100 % of the
            answered requests do not exceed; None if none was answered.
        errors: requests with another status.
        statuses: all requests, by the name of their gRPC status.
        generator_cpu_ms: processor time of the generator for a request, in milliseconds.
        generator_busy: fraction of a core that the generator took. Near 1, it limits what is measured.
        sent: requests with those before and after the measurement.
    """

    clients: int
    seconds: float
    answered: int
    per_second: float
    p50_ms: float | None
    p90_ms: float | None
    p99_ms: float | None
    max_ms: float | None
    errors: int
    statuses: Mapping[str, int]
    generator_cpu_ms: float
    generator_busy: float
    sent: int

    def row(self) -> Row:
        """Columns of a table; statuses as text, such as "OK 12, UNAVAILABLE 3"."""
        columns = {**asdict(self), "statuses": statuses_text(self.statuses)}
        return {name: "" if value is None else value for name, value in columns.items()}


def report(outcome: Outcome, clients: int) -> LoadReport:
    """The report on an outcome."""
    latencies_ms, seconds = 1e3 * outcome.latencies_s, outcome.seconds
    counted = sum(outcome.statuses.values())
    return LoadReport(
        clients=clients,
        seconds=rounded(seconds),
        answered=len(latencies_ms),
        per_second=rounded(len(latencies_ms) / seconds) if seconds > 0 else 0.0,
        p50_ms=percentile(latencies_ms, 0.5),
        p90_ms=percentile(latencies_ms, 0.9),
        p99_ms=percentile(latencies_ms, 0.99),
        max_ms=percentile(latencies_ms, 1.0),
        errors=counted - len(latencies_ms),
        statuses=outcome.statuses,
        generator_cpu_ms=rounded(1e3 * outcome.cpu_s / max(1, counted)),
        generator_busy=rounded(outcome.cpu_s / seconds) if seconds > 0 else 0.0,
        sent=outcome.sent,
    )


def percentile(values: NDArray[np.float64], fraction: float) -> float | None:
    """The least of the values that at least this fraction of them does not exceed."""
    return rounded(np.quantile(values, fraction, method="inverted_cdf")) if len(values) else None


def statuses_text(statuses: Mapping[str, int]) -> str:
    """Statuses in one line, such as "OK 12, UNAVAILABLE 3"."""
    return ", ".join(f"{name} {count}" for name, count in statuses.items())
