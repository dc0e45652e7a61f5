"""What a service does with the calls that it observes: a line in its log, and metrics."""

import logging
from collections.abc import Callable

from dsc_common.observing.call import Call
from dsc_common.observing.call_metrics import CallMetrics
from dsc_common.observing.registry import Registry
from dsc_common.serving.interceptor import Context

LOG = logging.getLogger("dsc.request")
WAIT = "latency"  # the step of a wait that the request asks for: it makes no request slow
# Statuses whose line is about the service, and quotes nothing that a request holds.
_OWN_FAULTS = frozenset({"UNAVAILABLE", "RESOURCE_EXHAUSTED", "DEADLINE_EXCEEDED"})


class Observer:
    """Observes the calls of one service.

    Args:
        slow_s: time from which a request is slow, in seconds.
        registry: metrics; None: there are none.

    Attributes:
        registry: metrics, to add to.
    """

    def __init__(self, slow_s: float = 1.0, registry: Registry | None = None) -> None:
        self.registry = registry
        self._slow_s = slow_s
        self._calls = None if registry is None else CallMetrics(registry)

    def begun(self, call: Call, received_bytes: int) -> None:
        """Note a call that came."""
        if self._calls is not None:
            self._calls.begun(call, received_bytes)

    def ended(
        self, call: Call, status: str, seconds: float, context: Context, is_logged: bool, is_query: bool
    ) -> None:
        """Note the end of a call.

        Args:
            call: the call.
            status: name of its gRPC status.
            seconds: time since it came.
            context: of the call.
            is_logged: whether it gets a line; a health check gets none.
            is_query: whether it can be slow; a download takes as long as its client lets it.
        """
        is_slow = is_query and seconds - call.steps.get(WAIT, 0.0) >= self._slow_s
        if self._calls is not None:
            self._calls.ended(call, status, seconds)
            if is_slow:
                self._calls.of(call.method).slow.inc()
        level = logging.WARNING if is_slow else logging.INFO
        if is_logged and LOG.isEnabledFor(level):
            fields = _fields(call, status, seconds, context)
            LOG.log(level, "slow request" if is_slow else "request", extra={"fields": fields})

    def refused(self, status: str) -> None:
        """Note a call of a method that does not exist."""
        if self._calls is not None:
            self._calls.refused(status)

    def counter_of_sent(self, method: str) -> Callable[[float], None] | None:
        """Counts bytes that a method sends; None without metrics."""
        return None if self._calls is None else self._calls.of(method).sent.inc


def _fields(call: Call, status: str, seconds: float, context: Context) -> dict[str, object]:
    fields: dict[str, object] = {"method": call.method, "status": status, "ms": round(1e3 * seconds, 3)}
    if call.steps:
        fields["steps_ms"] = {step: round(1e3 * took, 3) for step, took in call.steps.items()}
    if status in _OWN_FAULTS and (details := context.details()):
        fields["details"] = details
    return {**fields, **call.facts}
