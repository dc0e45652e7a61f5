"""Value types of the radio link: its settings, the received signal, and the report on a packet."""

import math
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from dsc_common.errors import InvalidInputError
from dsc_common.radio.fec import Fec
from dsc_common.radio.link_field import About, described_fields
from dsc_common.radio.modes import SPECS, Mode

MIN_SNR_DB = -100.0
MAX_SNR_DB = 100.0
MAX_SEED = (1 << 64) - 1
MAX_USES = 4096
MAX_RESENDS = 64
MAX_RICIAN_K_DB = 60.0
MAX_LATENCY_MS = 600_000.0
MAX_ERASURE_BURST = 1e9
# LLRs divide by the variance, so a signal without noise has this one.
NOISE_VARIANCE_FLOOR = 1e-12
# Far above what noise of MIN_SNR_DB makes; sums of such numbers stay within single precision.
MAX_AMPLITUDE = 1e9
MAX_NOISE_VARIANCE = 1e15

_Choice = TypeVar("_Choice")


class Fading(StrEnum):
    """Distribution of the channel gain h over fading blocks; E|h|² = 1."""

    NONE = "none"
    RAYLEIGH = "rayleigh"  # no line of sight
    RICIAN = "rician"  # a line of sight with K times the power of the scattered paths


class HeadProtection(StrEnum):
    """Protection of the head."""

    CHANNEL = "channel"  # sent like the rest of the packet
    IDEAL = "ideal"  # also delivered without errors, beside the radio (a genie)


@dataclass(frozen=True, eq=False)
class ReceivedSignal:
    """One received transmission.

    Attributes:
        mode: how the packet was modulated.
        samples: (B,) float32, one real sample per real channel use; I and Q in turn for complex uses.
        noise_variance: σ² per channel use, above zero; a complex use has σ²/2 per dimension.
        fec: error correction of its bits.
        gains: (blocks,) float32, |h| of each fading block; empty without fading, or when they are unknown.
        fading_block_uses: channel uses of a fading block; 0: the whole packet.
        estimate_gains: the gains are unknown and must be estimated from the samples.
        genie: first bytes of the packet, delivered without errors beside the radio: the head (head protection
            ideal) or the whole packet (mode reconstruction).
        noise_key: key of the noise that the server adds in mode reconstruction.
    """

    mode: Mode
    samples: NDArray[np.float32]
    noise_variance: float
    fec: Fec = Fec.NONE
    gains: NDArray[np.float32] = field(default_factory=lambda: np.zeros(0, dtype=np.float32))
    fading_block_uses: int = 0
    estimate_gains: bool = False
    genie: bytes = b""
    noise_key: str = ""

    def __post_init__(self) -> None:
        if not np.isfinite(self.samples).all():
            raise InvalidInputError("expected finite samples, got NaN or infinity")
        if not (math.isfinite(self.noise_variance) and self.noise_variance > 0):
            raise InvalidInputError(f"expected a noise variance above 0, got {self.noise_variance}")
        if not (np.isfinite(self.gains) & (self.gains >= 0)).all():
            raise InvalidInputError("expected finite gains of 0 or more")
        _require_at_most("samples", np.abs(self.samples), MAX_AMPLITUDE)
        _require_at_most("gains", self.gains, MAX_AMPLITUDE)
        _require_at_most("a noise variance", np.array([self.noise_variance]), MAX_NOISE_VARIANCE)
        if self.samples.size % SPECS[self.mode].samples_per_use:
            raise InvalidInputError(
                f"expected two samples per use with {self.mode}, got {self.samples.size} samples"
            )

    @property
    def uses(self) -> int:
        """Channel uses."""
        return self.samples.size // SPECS[self.mode].samples_per_use


def _require_at_most(noun: str, values: NDArray[np.floating[Any]], most: float) -> None:
    if values.size and values.max() > most:
        raise InvalidInputError(f"expected {noun} up to {most:g}, got {values.max():g}")


@dataclass(frozen=True)
class LinkSettings:
    """Settings of the link; the single declaration of each field's type, default, bounds, unit and text.

    Command-line options, environment variables, `LinkChoice` and the message's fields are derived from it.

    Raises:
        InvalidInputError: a value outside its bounds, or values that exclude each other.
    """

    mode: Annotated[Mode, About("Modulation; docs/channel.md describes each.")] = Mode.BPSK
    snr_db: Annotated[
        float,
        About(
            "SNR P/σ² per channel use, as the mode defines it; inf: no noise.",
            "an SNR",
            MIN_SNR_DB,
            MAX_SNR_DB,
            "dB",
            or_infinity=True,
        ),
    ] = 5.0
    seed: Annotated[int, About("Seed of noise, fading and erasures.", "a seed", 0, MAX_SEED)] = 0
    fec: Annotated[Fec, About("Forward error correction.")] = Fec.NONE
    uses: Annotated[
        int,
        About("Channel uses of one transmission; 0: as many as the mode needs.", "uses", 0, MAX_USES),
    ] = 0
    fading: Annotated[Fading, About("Distribution of the channel gain.")] = Fading.NONE
    rician_k_db: Annotated[
        float,
        About("K factor of Rician fading.", "a Rician K", -MAX_RICIAN_K_DB, MAX_RICIAN_K_DB, "dB"),
    ] = 6.0
    fading_block_uses: Annotated[
        int,
        About("Channel uses with the same gain; 0: the whole packet.", "fading block uses", 0, MAX_USES),
    ] = 0
    channel_knowledge: Annotated[bool, About("The receiver is given the gain of each block.")] = True
    head_protection: Annotated[
        HeadProtection, About("Protection of the head; ideal: it is delivered without errors.")
    ] = HeadProtection.CHANNEL
    erasure_rate: Annotated[float, About("Fraction of transmissions lost.", "an erasure rate", 0, 1)] = 0.0
    erasure_burst: Annotated[
        float,
        About(
            "Mean number of transmissions lost in a row; 0: losses are independent.",
            "an erasure burst",
            0,
            MAX_ERASURE_BURST,
        ),
    ] = 0.0
    latency_ms: Annotated[
        float, About("Latency added to each transmission.", "a latency", 0, MAX_LATENCY_MS, "ms")
    ] = 0.0
    resends: Annotated[
        int, About("Maximum number of retransmissions, with policy resend.", "resends", 0, MAX_RESENDS)
    ] = 3

    def __post_init__(self) -> None:
        for field_ in LINK_FIELDS:
            field_.about.require(getattr(self, field_.name))
        self._require_possible()

    def _require_possible(self) -> None:
        # The chain goes from good to bad with probability rate / ((1 - rate) · burst), which is at most 1.
        shortest = max(1.0, self.erasure_rate / (1 - self.erasure_rate)) if self.erasure_rate < 1 else 1.0
        if self.erasure_burst != 0 and self.erasure_burst < shortest:
            raise InvalidInputError(
                f"expected an erasure burst of at least {shortest:g} at an erasure rate of "
                f"{self.erasure_rate:g}, or 0, got {self.erasure_burst:g}"
            )
        if self.fading is not Fading.NONE and not SPECS[self.mode].physical:
            raise InvalidInputError(
                f"expected fading none with mode {self.mode}, which is no physical channel, got {self.fading}"
            )


LINK_FIELDS = described_fields(LinkSettings)


def _optional_link(choice: type[_Choice]) -> type[_Choice]:
    """A frozen dataclass with the fields of `LinkSettings`, each None by default."""
    choice.__annotations__ = {field_.name: field_.kind | None for field_ in LINK_FIELDS}
    for field_ in LINK_FIELDS:
        setattr(choice, field_.name, None)
    return dataclass(frozen=True)(choice)


@_optional_link
class LinkChoice:
    """Link settings of one request: the fields of `LinkSettings`, None for the channel's default."""

    if TYPE_CHECKING:  # the decorator makes both

        def __init__(self, *values: Any, **by_name: Any) -> None: ...  # noqa: ANN401
        def __getattr__(self, name: str) -> Any: ...  # noqa: ANN401

    def over(self, settings: LinkSettings) -> LinkSettings:
        """The settings, with the fields that are not None replaced.

        Raises:
            InvalidInputError: the result is not a valid link.
        """
        overrides = {key: value for key, value in vars(self).items() if value is not None}
        return replace(settings, **overrides)


@dataclass(frozen=True)
class LinkReport:
    """Report on one packet; only the channel has both the transmitted and the received bits.

    Attributes:
        mode: how the packet was modulated.
        snr_db: SNR as defined by `snr_definition`.
        seed: seed of the noise.
        channel_uses: channel uses of all transmissions; real or complex (`complex_uses`).
        energy: sum of the squared amplitudes of all transmissions.
        bit_errors: wrong bits among `bits_sent`, after combining, decoding and hard decisions.
        head_ok: the server decoded the transmitted labels, in their order.
        bits_sent: bits sent digitally: the whole packet, or the head in analog modes.
        snr_definition: definition of the SNR in words, or a note that the mode has no physical channel.
        complex_uses: a channel use carries I and Q.
        fec: error correction of its bits.
        uses: channel uses of one transmission.
        fading: distribution of the gain.
        channel_knowledge: the receiver was given the gains.
        genie: the head was delivered without errors, beside the radio.
        transmissions: number of transmissions.
        lost: number of lost transmissions.
        erased: all transmissions were lost.
    """

    mode: Mode
    snr_db: float
    seed: int
    channel_uses: int
    energy: float
    bit_errors: int
    head_ok: bool
    bits_sent: int = 0
    snr_definition: str = ""
    complex_uses: bool = False
    fec: Fec = Fec.NONE
    uses: int = 0
    fading: Fading = Fading.NONE
    channel_knowledge: bool = True
    genie: bool = False
    transmissions: int = 1
    lost: int = 0
    erased: bool = False
