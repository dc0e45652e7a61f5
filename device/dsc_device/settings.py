"""Settings of the device role, from the environment (DSC_DEVICE_…) or the command line."""

from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from dsc_common.files.cache import cache_folder


class DeviceSettings(BaseSettings):
    """Server and channel of a device, time limits, cache and TLS files."""

    model_config = SettingsConfigDict(env_prefix="DSC_DEVICE_")

    server: str = "127.0.0.1:50051"
    channel: str = "127.0.0.1:50052"
    wait_s: float = Field(30.0, gt=0)
    cache: Path = Field(default_factory=lambda: cache_folder("dsc-device"))
    threads: int | None = Field(None, ge=1)
    server_tls_ca: Path | None = None
    channel_tls_ca: Path | None = None
