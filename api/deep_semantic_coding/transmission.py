"""A packet over a simulated link, as the channel sends it."""

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from operator import index
from typing import Any

from dsc_channel.transmission import transmit as transmit_bytes
from dsc_common.errors import InvalidInputError
from dsc_common.radio.link import LINK_FIELDS, LinkSettings, ReceivedSignal
from dsc_device.encoder_kit import EncodedPacket


def transmit(
    packet: EncodedPacket,
    link: LinkSettings | None = None,
    *,
    request_id: str | None = None,
    attempt: int = 0,
    **choices: object,
) -> ReceivedSignal:
    """Send a packet once: modulation, fading and noise (eq. 7).

    Args:
        packet: a packet from `Database.encode` or `Client.encode`.
        link: settings of the link; by default BPSK at 5 dB.
        request_id: noise is keyed on (seed, request id, attempt); by default a hash of the packet.
        attempt: index of the transmission of this packet, from 0; `retrieve` combines several.
        choices: fields of `LinkSettings` in place of the link's, such as snr_db=0 or mode="qpsk".

    Raises:
        InvalidInputError: an unknown field, or a value out of bounds.
    """
    if request_id is None:
        request_id = hashlib.sha256(packet.data).hexdigest()[:16]
    settings = replace(link or LinkSettings(), **chosen_link(choices))
    return transmit_bytes(packet.data, packet.format, settings, request_id, attempt)


def chosen_link(choices: Mapping[str, object]) -> dict[str, Any]:
    """The caller's choices as values of the link's fields: mode="qpsk" is Mode.QPSK.

    Raises:
        InvalidInputError: an unknown field, or a value of another type.
    """
    fields = {field.name: field for field in LINK_FIELDS}
    chosen = {}
    for name, value in choices.items():
        if name not in fields:
            raise InvalidInputError(f"expected a field of the link, {', '.join(fields)}, got {name!r}")
        kind = fields[name].kind
        try:
            chosen[name] = index(value) if kind is int else kind(value)  # type: ignore[arg-type]
        except (TypeError, ValueError) as error:
            raise InvalidInputError(f"expected {name} as {kind.__name__}, got {value!r}") from error
    return chosen
