"""Settings of the channel role, from the environment (DSC_CHANNEL_…) or the command line."""

from pathlib import Path

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from dsc_channel.caps import LinkCaps, parse_modes
from dsc_common.cli.link_settings import with_link_fields
from dsc_common.radio.link import LINK_FIELDS, MAX_RESENDS, MAX_USES, LinkSettings
from dsc_common.serving.settings import ServingSettings


@with_link_fields()
class ChannelSettings(ServingSettings):
    """Where `dsc-channel serve` listens, the server behind it, how it sends, and what requests may choose.

    The fields of `LinkSettings` are fields of these settings as well.
    """

    model_config = SettingsConfigDict(env_prefix="DSC_CHANNEL_")

    listen: str = "127.0.0.1:50052"
    server: str = "127.0.0.1:50051"
    server_wait_s: float = Field(10.0, gt=0)
    server_tls_ca: Path | None = None

    # Bounds on what requests may choose; no modes are all modes.
    allowed_modes: str = ""
    max_uses: int = Field(MAX_USES, ge=0, le=MAX_USES)
    max_latency_ms: float = Field(10_000.0, ge=0)
    max_resends: int = Field(16, ge=0, le=MAX_RESENDS)

    @property
    def link(self) -> LinkSettings:
        """How packets are sent whose requests choose nothing.

        Raises:
            InvalidInputError: no link can be set so.
        """
        return LinkSettings(**{field.name: getattr(self, field.name) for field in LINK_FIELDS})

    @property
    def caps(self) -> LinkCaps:
        """Bounds on what requests may choose."""
        return LinkCaps(parse_modes(self.allowed_modes), self.max_uses, self.max_latency_ms, self.max_resends)
