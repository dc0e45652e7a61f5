"""Settings of the server role, from the environment (DSC_SERVER_…) or the command line."""

from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from dsc_common.serving import ServingLimits, TlsFiles, tls_files


class ServerSettings(BaseSettings):
    """Where `dsc-server serve` finds its index and where it listens."""

    model_config = SettingsConfigDict(env_prefix="DSC_SERVER_")

    index: Path
    listen: str = "127.0.0.1:50051"
    wait_for_index_s: float = Field(0.0, ge=0)
    threads: int | None = Field(None, ge=1)
    max_message_bytes: int = Field(1 << 20, ge=1024)
    max_requests_at_once: int = Field(256, ge=1)
    grace_s: float = Field(10.0, ge=0)
    tls_certificate: Path | None = None
    tls_key: Path | None = None

    @property
    def limits(self) -> ServingLimits:
        """Bounds of the service."""
        return ServingLimits(self.max_message_bytes, self.max_requests_at_once, self.grace_s)

    @property
    def tls(self) -> TlsFiles | None:
        """TLS files, when both are named."""
        return tls_files(self.tls_certificate, self.tls_key)
