"""Settings of the device role, from the environment (DSC_DEVICE_…) or the command line."""

from pathlib import Path
from typing import Self

from pydantic import Field, model_validator
from pydantic_settings import SettingsConfigDict

from dsc_common.cli.settings import MAX_THREADS, MAX_WAIT_S
from dsc_common.files.cache import cache_folder, state_folder
from dsc_common.observing.settings import LogSettings
from dsc_common.serving.address import Peer, PeerAddress
from dsc_common.serving.tls import tls_files
from dsc_device.codebooks.choice import DEFAULT_MAX_BYTES, Codebooks

MAX_CACHE_MB = 1 << 30

MAX_QUEUE_MB = 1 << 20
MAX_QUEUE_QUERIES = 100_000_000


class DeviceSettings(LogSettings):
    """Server and channel of a device, time limits, cache, TLS files, token, log, queue and results."""

    model_config = SettingsConfigDict(env_prefix="DSC_DEVICE_", env_ignore_empty=True)

    server: PeerAddress = "127.0.0.1:50051"
    channel: PeerAddress = "127.0.0.1:50052"
    wait_s: float = Field(30.0, gt=0, le=MAX_WAIT_S)
    cache: Path = Field(default_factory=lambda: cache_folder("dsc-device"))
    cache_mb: int = Field(DEFAULT_MAX_BYTES >> 20, ge=0, le=MAX_CACHE_MB)
    codebooks: Codebooks = Codebooks.ON_DEMAND
    threads: int | None = Field(None, ge=1, le=MAX_THREADS)
    model: str | None = None
    server_tls_ca: Path | None = None
    channel_tls_ca: Path | None = None
    use_proxy: bool = False
    tls_certificate: Path | None = None
    tls_key: Path | None = None
    token_file: Path | None = None
    state: Path | None = None
    results: Path | None = None
    queue_mb: int = Field(256, ge=1, le=MAX_QUEUE_MB)
    queue_queries: int = Field(100_000, ge=1, le=MAX_QUEUE_QUERIES)
    clock_wait_s: float = Field(600.0, ge=0, le=MAX_WAIT_S)

    @property
    def cache_bytes(self) -> int:
        """Size of the folder of downloads above which files go, in bytes."""
        return self.cache_mb << 20

    @property
    def server_peer(self) -> Peer:
        """The server, as a connection needs it."""
        return self._peer("server", self.server, self.server_tls_ca)

    @property
    def channel_peer(self) -> Peer:
        """The channel, as a connection needs it."""
        return self._peer("channel", self.channel, self.channel_tls_ca)

    @property
    def state_folder(self) -> Path:
        """Folder of the queue; DscError if it is not set, and the user has no home folder."""
        return self.state or state_folder("dsc-device")

    def _peer(self, role: str, address: str, tls_ca: Path | None) -> Peer:
        shown = (self.tls_certificate, self.tls_key, self.token_file)
        return Peer(role, address, tls_ca, self.use_proxy, *shown)

    @model_validator(mode="after")
    def _require_tls_pair(self) -> Self:
        tls_files(self.tls_certificate, self.tls_key)
        return self
