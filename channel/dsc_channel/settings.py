"""Settings of the channel role, from the environment (DSC_CHANNEL_…) or the command line."""

from pathlib import Path

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from dsc_common.link import LinkSettings
from dsc_common.modulation import Mode
from dsc_common.serving_settings import ServingSettings


class ChannelSettings(ServingSettings):
    """Where `dsc-channel serve` listens, which server is behind it, and how it sends by default."""

    model_config = SettingsConfigDict(env_prefix="DSC_CHANNEL_")

    listen: str = "127.0.0.1:50052"
    server: str = "127.0.0.1:50051"
    mode: Mode = Mode.BPSK
    snr_db: float = 5.0
    seed: int = 0
    server_wait_s: float = Field(10.0, gt=0)
    server_tls_ca: Path | None = None

    @property
    def link(self) -> LinkSettings:
        """How packets are sent that don't choose for themselves."""
        return LinkSettings(self.mode, self.snr_db, self.seed)
