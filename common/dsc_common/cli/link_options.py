"""Options of the commands that say how packets are sent; none given leaves it to the channel's settings."""

from typing import Annotated

import typer

from dsc_common.radio.fec import Fec
from dsc_common.radio.link import Fading, HeadProtection
from dsc_common.radio.modes import Mode

_PANEL = "Radio link: the channel's settings (their defaults in brackets) unless given"


def _option(text: str, *names: str) -> object:
    return typer.Option(*names, help=text, show_default=False, rich_help_panel=_PANEL)


ModeOption = Annotated[Mode | None, _option("How packets go on the air (docs/channel.md). (bpsk)")]
SnrOption = Annotated[
    float | None, _option("P/σ² per channel use in dB, as the mode defines it, or inf. (5)")
]
SeedOption = Annotated[int | None, _option("Seed of noise, fading and erasures. (0)")]
FecOption = Annotated[Fec | None, _option("Forward error correction. (none)")]
UsesOption = Annotated[int | None, _option("Channel uses of a transmission; 0: what the mode needs. (0)")]
FadingOption = Annotated[Fading | None, _option("How the gain varies. (none)")]
RicianOption = Annotated[float | None, _option("K of Rician fading, in dB. (6)", "--rician-k-db")]
BlockOption = Annotated[
    int | None, _option("Channel uses with the same gain; 0: the whole packet. (0)", "--fading-block-uses")
]
KnowledgeOption = Annotated[
    bool | None,
    _option(
        "The receiver knows the gains. (--channel-knowledge)", "--channel-knowledge/--no-channel-knowledge"
    ),
]
HeadOption = Annotated[
    HeadProtection | None, _option("How the head travels; ideal: handed over by a genie. (channel)")
]
ErasureRateOption = Annotated[float | None, _option("Share of transmissions that are lost. (0)")]
ErasureBurstOption = Annotated[
    float | None, _option("Mean number of them in a row; 0: as independent losses have it. (0)")
]
LatencyOption = Annotated[float | None, _option("Added to each transmission, in ms. (0)")]
ResendsOption = Annotated[int | None, _option("Times to send again, with policy resend. (3)")]
