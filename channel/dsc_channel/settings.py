"""Settings of the channel role, from the environment (DSC_CHANNEL_…) or the command line."""

from pathlib import Path
from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator
from pydantic_settings import SettingsConfigDict

from dsc_channel.caps import LinkCaps, parse_modes
from dsc_common.cli.link_settings import with_link_fields
from dsc_common.cli.settings import MAX_WAIT_S
from dsc_common.radio.link import LINK_FIELDS, MAX_LATENCY_MS, MAX_RESENDS, MAX_USES, LinkSettings
from dsc_common.serving.access import RelayAccess
from dsc_common.serving.address import ListenAddress, Peer, PeerAddress, is_loopback
from dsc_common.serving.limits import SERVER_MESSAGE_BYTES
from dsc_common.serving.settings import MAX_MESSAGE_BYTES, ServingSettings
from dsc_common.serving.tls import tls_files


def _checked_modes(text: str) -> str:
    parse_modes(text)
    return text


@with_link_fields()
class ChannelSettings(ServingSettings):
    """Settings of `dsc-channel serve`: address, server, default link, and bounds on requests.

    The fields of `LinkSettings` are fields of these settings as well.
    """

    model_config = SettingsConfigDict(env_prefix="DSC_CHANNEL_", env_ignore_empty=True)

    listen: ListenAddress = "127.0.0.1:50052"
    server: PeerAddress = "127.0.0.1:50051"
    server_max_message_bytes: int = Field(SERVER_MESSAGE_BYTES, ge=1024, le=MAX_MESSAGE_BYTES)
    server_wait_s: float = Field(10.0, gt=0, le=MAX_WAIT_S)
    server_tls_ca: Path | None = None
    server_tls_certificate: Path | None = None
    server_tls_key: Path | None = None
    use_proxy: bool = False

    # Bounds on requests; an empty text allows all modes.
    allowed_modes: Annotated[str, AfterValidator(_checked_modes)] = ""
    max_uses: int = Field(MAX_USES, ge=0, le=MAX_USES)
    max_latency_ms: float = Field(10_000.0, ge=0, le=MAX_LATENCY_MS)
    max_resends: int = Field(16, ge=0, le=MAX_RESENDS)

    @property
    def behind(self) -> Peer:
        """The server; the channel shows it the certificate that it serves with, unless another is named."""
        files = tls_files(self.server_tls_certificate, self.server_tls_key)
        if files is None:
            files = tls_files(self.tls_certificate, self.tls_key)
        shown = (None, None) if files is None else (files.certificate, files.key)
        return Peer("server", self.server, self.server_tls_ca, self.use_proxy, *shown)

    @property
    def exposure(self) -> str:
        """As of any service; or that whoever reaches the channel has the rights of its certificate."""
        is_lent = self.insecure and self.tls is not None and self.tls_client_ca is None
        if not is_lent or is_loopback(self.listen):
            return super().exposure
        return f"warning: insecure: whoever reaches {self.listen} may use this service, with its certificate"

    @property
    def access(self) -> RelayAccess:
        """Who may call: the server decides by the token that is passed on.

        The server lets the channel in by its certificate. So other machines that show the channel none need
        a token, which a server without tokens refuses.
        """
        by_certificate = self.tls_client_ca is not None
        trusting = is_loopback(self.listen) or by_certificate or self.insecure
        return RelayAccess(require_token=not trusting)

    @property
    def link(self) -> LinkSettings:
        """The link of requests that choose nothing.

        Raises:
            InvalidInputError: the settings are not a valid link.
        """
        return LinkSettings(**{field.name: getattr(self, field.name) for field in LINK_FIELDS})

    @property
    def caps(self) -> LinkCaps:
        """Bounds on the link that a request may choose."""
        return LinkCaps(
            parse_modes(self.allowed_modes),
            self.max_uses,
            self.max_latency_ms,
            self.max_resends,
            self.server_max_message_bytes,
        )

    @model_validator(mode="after")
    def _require_pair_for_server(self) -> Self:
        tls_files(self.server_tls_certificate, self.server_tls_key)
        return self

    @model_validator(mode="after")
    def _require_valid_link(self) -> Self:
        self.caps.require(self.link)
        return self
