"""Settings of the channel role, from the environment (DSC_CHANNEL_…) or the command line."""

from dataclasses import fields
from pathlib import Path

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from dsc_channel.caps import LinkCaps, parse_modes
from dsc_common.radio.fec import Fec
from dsc_common.radio.link import MAX_RESENDS, MAX_USES, Fading, HeadProtection, LinkSettings
from dsc_common.radio.modes import Mode
from dsc_common.serving.settings import ServingSettings


class ChannelSettings(ServingSettings):
    """Where `dsc-channel serve` listens, which server is behind it, how it sends, and what it allows."""

    model_config = SettingsConfigDict(env_prefix="DSC_CHANNEL_")

    listen: str = "127.0.0.1:50052"
    server: str = "127.0.0.1:50051"
    server_wait_s: float = Field(10.0, gt=0)
    server_tls_ca: Path | None = None

    # How packets are sent that don't choose for themselves: the fields of LinkSettings.
    mode: Mode = Mode.BPSK
    snr_db: float = 5.0
    seed: int = 0
    fec: Fec = Fec.NONE
    uses: int = 0
    fading: Fading = Fading.NONE
    rician_k_db: float = 6.0
    fading_block_uses: int = 0
    channel_knowledge: bool = True
    head_protection: HeadProtection = HeadProtection.CHANNEL
    erasure_rate: float = 0.0
    erasure_burst: float = 0.0
    latency_ms: float = 0.0
    resends: int = 3

    # What requests may choose; no modes are all modes.
    allowed_modes: str = ""
    max_uses: int = Field(MAX_USES, ge=0, le=MAX_USES)
    max_latency_ms: float = Field(10_000.0, ge=0)
    max_resends: int = Field(16, ge=0, le=MAX_RESENDS)

    @property
    def link(self) -> LinkSettings:
        """How packets are sent that don't choose for themselves."""
        return LinkSettings(**{field.name: getattr(self, field.name) for field in fields(LinkSettings)})

    @property
    def caps(self) -> LinkCaps:
        """What requests may choose."""
        return LinkCaps(parse_modes(self.allowed_modes), self.max_uses, self.max_latency_ms, self.max_resends)
