"""Settings of every service: listening address, limits, TLS files, and the rule for other machines."""

import os
from pathlib import Path
from typing import ClassVar, Self

from pydantic import Field, model_validator

from dsc_common.cli.settings import MAX_THREADS, MAX_WAIT_S
from dsc_common.errors import InvalidInputError
from dsc_common.observing.settings import ObservingSettings
from dsc_common.serving.address import ListenAddress, is_loopback
from dsc_common.serving.batches import MAX_QUEUE_S
from dsc_common.serving.limits import MAX_CONNECTIONS, ServingLimits
from dsc_common.serving.tls import ServerTls, tls_files

MAX_MESSAGE_BYTES = 1 << 30  # gRPC counts in 32 bits with a sign
MAX_REQUESTS_AT_ONCE = 100_000
MAX_REQUESTS_PER_S = 1_000_000


def threads_by_default() -> int:
    """One for each core that this process may use."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(cores, MAX_THREADS)


class ServingSettings(ObservingSettings):
    """Base class of the services' settings; each service adds its prefix and default address."""

    # Without these more callers are let in; an empty variable, mostly a mistake, is no wish for that.
    NEVER_EMPTY: ClassVar[tuple[str, ...]] = ("tls_client_ca",)

    listen: ListenAddress
    threads: int = Field(default_factory=threads_by_default, ge=1, le=MAX_THREADS)
    max_message_bytes: int = Field(1 << 20, ge=1024, le=MAX_MESSAGE_BYTES)
    max_requests_at_once: int = Field(256, ge=1, le=MAX_REQUESTS_AT_ONCE)
    grace_s: float = Field(10.0, ge=0, le=MAX_WAIT_S)
    max_downloads_at_once: int = Field(64, ge=1, le=MAX_REQUESTS_AT_ONCE)
    stall_s: float = Field(60.0, gt=0, le=MAX_WAIT_S)
    max_requests_per_s: float = Field(1000.0, ge=0, le=MAX_REQUESTS_PER_S)
    max_queue_s: float = Field(MAX_QUEUE_S, gt=0, le=MAX_WAIT_S)
    max_connections: int = Field(MAX_CONNECTIONS, ge=1, le=MAX_REQUESTS_AT_ONCE)
    tls_certificate: Path | None = None
    tls_key: Path | None = None
    tls_client_ca: Path | None = None
    insecure: bool = False

    @property
    def limits(self) -> ServingLimits:
        """Bounds of the service."""
        return ServingLimits(
            self.max_message_bytes,
            self.max_requests_at_once,
            self.grace_s,
            self.max_downloads_at_once,
            self.stall_s,
            self.max_requests_per_s,
            self.max_connections,
            self.max_queue_s,
        )

    @property
    def tls(self) -> ServerTls | None:
        """TLS of the service, if certificate and key are named."""
        files = tls_files(self.tls_certificate, self.tls_key)
        return None if files is None else ServerTls(files, self.tls_client_ca)

    @property
    def missing(self) -> str:
        """What the service needs before it may serve other machines, in options; empty if it has that."""
        return "" if self.tls is not None else "--tls-certificate and --tls-key (and --tls-client-ca)"

    @property
    def exposure(self) -> str:
        """A warning for the log of a service that is open to other machines; empty if it is not."""
        if is_loopback(self.listen) or not self.missing:
            return ""
        clear = "" if self.tls is not None else ", and nothing is encrypted"
        return f"warning: insecure: whoever reaches {self.listen} may use this service{clear}"

    @model_validator(mode="after")
    def _require_tls_pair(self) -> Self:
        if self.tls is None and self.tls_client_ca is not None:
            raise InvalidInputError("--tls-client-ca: expected --tls-certificate and --tls-key as well")
        return self

    @model_validator(mode="after")
    def _require_protection(self) -> Self:
        if self.exposure and not self.insecure:
            raise InvalidInputError(
                f"{self.listen} can be reached from other machines: add {self.missing} (`dsc-server cert` "
                "makes certificates), or --insecure to serve whoever reaches it"
            )
        return self
