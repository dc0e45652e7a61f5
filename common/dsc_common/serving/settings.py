"""Settings of every service: listening address, limits, TLS files."""

from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings

from dsc_common.serving.limits import ServingLimits
from dsc_common.serving.tls import TlsFiles, tls_files


class ServingSettings(BaseSettings):
    """Base class of the services' settings; each service adds its prefix and default address."""

    listen: str
    max_message_bytes: int = Field(1 << 20, ge=1024)
    max_requests_at_once: int = Field(256, ge=1)
    grace_s: float = Field(10.0, ge=0)
    max_downloads_at_once: int = Field(64, ge=1)
    stall_s: float = Field(60.0, gt=0)
    tls_certificate: Path | None = None
    tls_key: Path | None = None

    @property
    def limits(self) -> ServingLimits:
        """Bounds of the service."""
        return ServingLimits(
            self.max_message_bytes,
            self.max_requests_at_once,
            self.grace_s,
            self.max_downloads_at_once,
            self.stall_s,
        )

    @property
    def tls(self) -> TlsFiles | None:
        """TLS files, if both are named."""
        return tls_files(self.tls_certificate, self.tls_key)
