"""The metrics of a process, by name; made only where `--metrics` asks for them.

The only module that imports prometheus_client, and only inside functions: neither a device nor a service
without metrics loads it.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from dsc_common.errors import DscError

PREFIX = "dsc"
# Seconds: a call of gRPC takes about 0.4 ms; a request that takes 10 s has been given up.
SECONDS = (0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)


class Number(Protocol):
    """A counter or gauge."""

    def inc(self, amount: float = 1) -> None:
        """Add to it."""


class Gauge(Number, Protocol):
    """A number that rises and falls."""

    def dec(self, amount: float = 1) -> None:
        """Subtract from it."""

    def set(self, value: float) -> None:
        """Set it."""

    def set_function(self, function: Callable[[], float]) -> None:
        """Let it have the value of a function, which is called when it is read."""


class Histogram(Protocol):
    """Counts of values by size."""

    def observe(self, amount: float) -> None:
        """Count a value."""


class Registry:
    """Metrics named dsc_…, and those of the process.

    Raises:
        DscError: prometheus_client is not installed.
    """

    def __init__(self) -> None:
        try:
            import prometheus_client  # noqa: PLC0415 (an extra)
        except ImportError as error:
            raise DscError(
                f"metrics need the extra `metrics` of deep-semantic-coding: {error}; or leave --metrics out"
            ) from error
        self._library: Any = prometheus_client
        self._library.disable_created_metrics()  # a time for each series, which doubles their number
        self.collectors = prometheus_client.CollectorRegistry()
        for kind in ("ProcessCollector", "PlatformCollector", "GCCollector"):
            getattr(prometheus_client, kind)(registry=self.collectors)

    def counter(self, name: str, about: str, labels: Sequence[str] = ()) -> Any:  # noqa: ANN401 (untyped children)
        """A counter, dsc_NAME_total; with labels, `.labels(…)` is one."""
        return self._library.Counter(name, about, labels, PREFIX, registry=self.collectors)

    def gauge(self, name: str, about: str, labels: Sequence[str] = ()) -> Any:  # noqa: ANN401
        """A gauge, dsc_NAME; with labels, `.labels(…)` is one."""
        return self._library.Gauge(name, about, labels, PREFIX, registry=self.collectors)

    def histogram(
        self, name: str, about: str, labels: Sequence[str] = (), buckets: Sequence[float] = SECONDS
    ) -> Any:  # noqa: ANN401
        """A histogram, dsc_NAME; with labels, `.labels(…)` is one."""
        return self._library.Histogram(name, about, labels, PREFIX, buckets=buckets, registry=self.collectors)

    def info(self, name: str, about: str, values: Mapping[str, str]) -> None:
        """A metric dsc_NAME_info that is 1; what it is about is in its labels."""
        self._library.Info(name, about, namespace=PREFIX, registry=self.collectors).info(dict(values))

    def serve(self, host: str, port: int) -> Any:  # noqa: ANN401 (a server of the standard library)
        """An HTTP server of all metrics, in a thread; OSError if the address cannot be used."""
        server, _thread = self._library.start_http_server(port, host, registry=self.collectors)
        return server
