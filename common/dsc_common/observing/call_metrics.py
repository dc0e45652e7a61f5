"""Metrics of calls: how many, with which status, how long, how many bytes; steps of their work."""

from dataclasses import dataclass, field
from typing import Any

from dsc_common.observing.call import Call
from dsc_common.observing.registry import Gauge, Histogram, Number, Registry


@dataclass(slots=True)
class _OfMethod:
    """Metrics of one method, looked up once: a look-up by labels takes longer than counting."""

    seconds: Histogram
    under_way: Gauge
    received: Number
    sent: Number
    slow: Number
    by_status: dict[str, Number] = field(default_factory=dict)


class CallMetrics:
    """Metrics of all calls of a service."""

    def __init__(self, registry: Registry) -> None:
        method = ("method",)
        self._requests = registry.counter(
            "requests", "Calls that have ended, by method and gRPC status.", ("method", "status")
        )
        self._seconds = registry.histogram("request_seconds", "Time from arrival to answer.", method)
        self._under_way = registry.gauge("calls_under_way", "Calls that have not ended.", method)
        self._received = registry.counter("received_bytes", "Bytes of messages that came.", method)
        self._sent = registry.counter("sent_bytes", "Bytes of messages that were sent.", method)
        self._slow = registry.counter("slow_requests", "Requests slower than SLOW_REQUEST_S.", method)
        self._step_seconds = registry.histogram("step_seconds", "Time of a request in a step.", ("step",))
        self._methods: dict[str, _OfMethod] = {}
        self._steps: dict[str, Any] = {}

    def of(self, method: str) -> _OfMethod:
        """Metrics of a method that exists."""
        found = self._methods.get(method)
        if found is None:
            found = self._methods[method] = _OfMethod(
                self._seconds.labels(method),
                self._under_way.labels(method),
                self._received.labels(method),
                self._sent.labels(method),
                self._slow.labels(method),
            )
        return found

    def begun(self, call: Call, received_bytes: int) -> None:
        """Count a call that came."""
        metrics = self.of(call.method)
        metrics.under_way.inc()
        metrics.received.inc(received_bytes)

    def ended(self, call: Call, status: str, seconds: float) -> None:
        """Count a call that ended."""
        metrics = self.of(call.method)
        metrics.under_way.dec()
        metrics.seconds.observe(seconds)
        counter = metrics.by_status.get(status)
        if counter is None:
            counter = metrics.by_status[status] = self._requests.labels(call.method, status)
        counter.inc()
        for step, took in call.steps.items():
            histogram = self._steps.get(step)
            if histogram is None:
                histogram = self._steps[step] = self._step_seconds.labels(step)
            histogram.observe(took)

    def refused(self, status: str) -> None:
        """Count a call of a method that does not exist; its name may be anything."""
        self._requests.labels("unknown", status).inc()
