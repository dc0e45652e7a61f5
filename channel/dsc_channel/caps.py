"""Bounds on the link that a request may choose."""

from dataclasses import dataclass, field

from dsc_common.errors import InvalidInputError
from dsc_common.radio.link import MAX_LATENCY_MS, MAX_RESENDS, MAX_USES, LinkSettings
from dsc_common.radio.modes import Mode
from dsc_common.serving.limits import SERVER_MESSAGE_BYTES


@dataclass(frozen=True)
class LinkCaps:
    """Bounds of a channel.

    Attributes:
        modes: allowed modulations.
        max_uses: largest number of channel uses of one transmission.
        max_latency_ms: largest added latency, in milliseconds.
        max_resends: largest number of retransmissions.
        max_message_bytes: largest message that the server takes.
    """

    modes: frozenset[Mode] = field(default_factory=lambda: frozenset(Mode))
    max_uses: int = MAX_USES
    max_latency_ms: float = MAX_LATENCY_MS
    max_resends: int = MAX_RESENDS
    max_message_bytes: int = SERVER_MESSAGE_BYTES

    def require(self, link: LinkSettings) -> None:
        """Raise InvalidInputError, naming the bound, if the link exceeds it."""
        if link.mode not in self.modes:
            allowed = ", ".join(mode for mode in Mode if mode in self.modes)
            raise InvalidInputError(f"expected a mode that this channel allows, {allowed}, got {link.mode}")
        for name, value, most in (
            ("uses", link.uses, self.max_uses),
            ("ms of latency", link.latency_ms, self.max_latency_ms),
            ("resends", link.resends, self.max_resends),
        ):
            if value > most:
                raise InvalidInputError(f"expected up to {most:g} {name} on this channel, got {value:g}")

    def require_size(self, transmissions: int, bytes_each: int) -> None:
        """Raise InvalidInputError if so many transmissions do not fit in one message to the server."""
        if transmissions * bytes_each > self.max_message_bytes:
            raise InvalidInputError(
                f"expected up to {self.max_message_bytes // bytes_each} transmissions of {bytes_each} bytes, "
                f"as the server takes messages of {self.max_message_bytes} bytes, got {transmissions}"
            )


def parse_modes(text: str) -> frozenset[Mode]:
    """Comma-separated names → modes; an empty text gives all modes.

    Raises:
        InvalidInputError: an unknown name.
    """
    names = [name.strip() for name in text.split(",") if name.strip()]
    unknown = [name for name in names if name not in list(Mode)]
    if unknown:
        raise InvalidInputError(f"expected modes among {', '.join(Mode)}, got {unknown[0]!r}")
    return frozenset(map(Mode, names or Mode))
