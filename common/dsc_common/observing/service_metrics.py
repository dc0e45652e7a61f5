"""Metrics of a service as a whole, read when they are asked for: limits, threads, readiness, certificate."""

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict
from pathlib import Path

from dsc_common.observing.registry import Registry
from dsc_common.serving.batches import Batches
from dsc_common.serving.limits import ServingLimits


def watch_limits(registry: Registry, limits: ServingLimits) -> None:
    """Export the limits of a service."""
    watch_numbers(registry, "limit", "Limits in use, by name of the setting.", asdict(limits))


def watch_numbers(registry: Registry, name: str, about: str, numbers: Mapping[str, float]) -> None:
    """Export numbers that do not change, each with its name as a label."""
    gauge = registry.gauge(name, about, ("name",))
    for key, value in numbers.items():
        gauge.labels(key).set(value)


def watch_pool(registry: Registry, work: Batches, threads: int) -> None:
    """Export the threads that compute, and what waits for them."""
    registry.gauge("pool_threads", "Threads that compute.").set(threads)
    busy = registry.gauge("pool_busy", "Threads that compute now; one more helps out at times.")
    busy.set_function(lambda: work.under_way)
    registry.gauge("pool_waiting", "Calls that wait for a thread.").set_function(lambda: work.waiting)


def watch_ready(registry: Registry, names: Iterable[str], is_serving: Callable[[str], bool]) -> None:
    """Export whether each service is ready, as its health says."""
    gauge = registry.gauge("ready", "Whether the health of a service is SERVING.", ("service",))
    for name in names:
        gauge.labels(name).set_function(lambda name=name: float(is_serving(name)))


def watch_certificate(registry: Registry, certificate: Path) -> None:
    """Export when the first certificate of a chain ends; the file is read each time, as it may be renewed."""
    gauge = registry.gauge(
        "certificate_ends_seconds", "End of the certificate of this service, in Unix time."
    )
    gauge.set_function(lambda: _end_of(certificate))


def _end_of(certificate: Path) -> float:
    """NaN if the file cannot be read now."""
    from cryptography import x509  # noqa: PLC0415 (of the extra `metrics`; takes 0.1 s)

    try:
        chain = x509.load_pem_x509_certificates(certificate.read_bytes())
    except (OSError, ValueError):
        return math.nan
    return min(each.not_valid_after_utc.timestamp() for each in chain)
