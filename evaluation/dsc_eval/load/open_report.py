"""The report on an open loop: what was offered, answered and refused, how fast, how exactly in time."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from dsc_eval.load.closed_loop import OK
from dsc_eval.load.open_loop import OpenOutcome
from dsc_eval.load.report import percentile, statuses_text
from dsc_eval.output import Row, rounded


@dataclass(frozen=True)
class KindReport:
    """Requests of one kind of packets.

    Attributes:
        name: of the kind.
        requests: that were sent.
        answered: those with the status OK.
        p50_ms, p99_ms: latency of the answered ones.
    """

    name: str
    requests: int
    answered: int
    p50_ms: float | None
    p99_ms: float | None


@dataclass(frozen=True)
class OpenReport:
    """What was measured at one rate. Latencies count from the intended time of a request.

    Attributes:
        rate: intended requests per second, the mean.
        seconds: length of the measurement.
        offered: requests that were intended in it; those of `statuses` and `not_sent` together.
        offered_per_second: the same per second.
        per_second: requests per second that were answered in it.
        answered: requests with the status OK, also those answered after its end.
        p50_ms, p90_ms, p99_ms, max_ms: the latency that 50, 90, 99 and 100 % of them do not exceed.
        errors: requests with another status.
        error_p50_ms, error_p99_ms: latency of these.
        statuses: requests by the name of their gRPC status.
        not_sent: requests that the generator did not send, because too many were under way.
        late_p50_ms, late_p99_ms, late_max_ms: from the intended time to the sending.
        generators: number of generator processes.
        generator_busy: fraction of a core that the busiest of them took.
        sent: requests with those of the warm-up.
        kinds: answers by kind of packets.
    """

    rate: float
    seconds: float
    offered: int
    offered_per_second: float
    per_second: float
    answered: int
    p50_ms: float | None
    p90_ms: float | None
    p99_ms: float | None
    max_ms: float | None
    errors: int
    error_p50_ms: float | None
    error_p99_ms: float | None
    statuses: Mapping[str, int]
    not_sent: int
    late_p50_ms: float | None
    late_p99_ms: float | None
    late_max_ms: float | None
    generators: int
    generator_busy: float
    sent: int
    kinds: tuple[KindReport, ...] = ()

    def row(self) -> Row:
        """Columns of a table."""
        columns = {**asdict(self), "statuses": statuses_text(self.statuses)}
        del columns["kinds"]
        return {name: "" if value is None else value for name, value in columns.items()}


def open_report(
    outcomes: Sequence[OpenOutcome], rate: float, kind_of: Sequence[int] = (), kinds: Sequence[str] = ()
) -> OpenReport:
    """The report on what several generators saw together.

    Args:
        outcomes: one of each generator.
        rate: that all intended together.
        kind_of: place in `kinds` of each message; empty: messages have no kinds.
        kinds: names of the kinds of messages.
    """
    latencies = 1e3 * np.concatenate([each.latencies_s for each in outcomes])
    late = 1e3 * np.concatenate([each.late_s for each in outcomes])
    names = np.concatenate([np.array([*each.names, ""])[each.codes] for each in outcomes])
    messages = np.concatenate([each.messages for each in outcomes])
    answered, refused = latencies[names == OK], latencies[names != OK]
    seconds = max(each.seconds for each in outcomes)
    not_sent = sum(each.not_sent for each in outcomes)
    return OpenReport(
        rate=rounded(rate),
        seconds=rounded(seconds),
        offered=len(latencies) + not_sent,
        offered_per_second=rounded((len(latencies) + not_sent) / seconds),
        per_second=rounded(sum(each.in_time for each in outcomes) / seconds),
        answered=len(answered),
        p50_ms=percentile(answered, 0.5),
        p90_ms=percentile(answered, 0.9),
        p99_ms=percentile(answered, 0.99),
        max_ms=percentile(answered, 1.0),
        errors=len(refused),
        error_p50_ms=percentile(refused, 0.5),
        error_p99_ms=percentile(refused, 0.99),
        statuses=dict(Counter(names.tolist())),
        not_sent=not_sent,
        late_p50_ms=percentile(late, 0.5),
        late_p99_ms=percentile(late, 0.99),
        late_max_ms=percentile(late, 1.0),
        generators=len(outcomes),
        generator_busy=rounded(max(each.cpu_s for each in outcomes) / seconds),
        sent=sum(each.sent for each in outcomes),
        kinds=_kinds(latencies, names == OK, np.array(kind_of, np.int64), messages, kinds),
    )


def _kinds(
    latencies: NDArray[np.float64],
    ok: NDArray[np.bool_],
    kind_of: NDArray[np.int64],
    messages: NDArray[np.int64],
    names: Sequence[str],
) -> tuple[KindReport, ...]:
    if not names:
        return ()
    places = kind_of[messages]
    return tuple(
        KindReport(
            name,
            int((places == place).sum()),
            int((ok & (places == place)).sum()),
            percentile(latencies[ok & (places == place)], 0.5),
            percentile(latencies[ok & (places == place)], 0.99),
        )
        for place, name in enumerate(names)
    )
