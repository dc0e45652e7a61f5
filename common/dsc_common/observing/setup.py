"""Logs and metrics of a service, while its command runs."""

import contextlib
from collections.abc import Iterator
from importlib import metadata

from dsc_common.cli.streams import say
from dsc_common.errors import DscError
from dsc_common.observing.log_lines import lines_of
from dsc_common.observing.observer import Observer
from dsc_common.observing.registry import Registry
from dsc_common.observing.settings import ObservingSettings
from dsc_common.serving.address import format_address, parse_address

_DISTRIBUTION = "deep-semantic-coding"


@contextlib.contextmanager
def observing(settings: ObservingSettings, role: str) -> Iterator[Observer]:
    """Log and export what a service does while the block runs.

    Args:
        settings: of the service.
        role: server or channel.

    Raises:
        DscError: the address of the metrics is in use, or their extra is not installed.
    """
    with lines_of(role, settings):
        if settings.metrics is None:
            yield Observer(settings.slow_request_s)
            return
        registry = Registry()
        registry.info("service", "The service.", {"role": role, "version": metadata.version(_DISTRIBUTION)})
        with _exported(registry, settings.metrics):
            yield Observer(settings.slow_request_s, registry)


@contextlib.contextmanager
def _exported(registry: Registry, listen: str) -> Iterator[None]:
    host, port = parse_address(listen)
    try:
        server = registry.serve(host.strip("[]"), port)
    except OSError as error:
        reason = str(error.strerror).partition(" (")[0].lower()
        raise DscError(f"cannot listen on {listen} for metrics: {reason}") from error
    say(f"metrics on http://{format_address(host, server.server_port)}/metrics")
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
