"""How a packet is sent, what the radio delivers, and what became of it, as plain values."""

import math
from dataclasses import dataclass, field, replace
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from dsc_common.errors import InvalidInputError
from dsc_common.radio.fec import Fec
from dsc_common.radio.modes import SPECS, Mode

MIN_SNR_DB = -100.0
MAX_SNR_DB = 100.0
MAX_SEED = (1 << 64) - 1
MAX_USES = 4096
MAX_RESENDS = 64
MAX_RICIAN_K_DB = 60.0
MAX_LATENCY_MS = 600_000.0
# No receiver knows its noise to be exactly zero: a signal without noise states this variance.
NOISE_VARIANCE_FLOOR = 1e-12


class Fading(StrEnum):
    """How the gain h of the channel varies from block to block; E|h|² = 1."""

    NONE = "none"
    RAYLEIGH = "rayleigh"  # no line of sight
    RICIAN = "rician"  # a line of sight, K times as strong as what is scattered


class HeadProtection(StrEnum):
    """How the head travels."""

    CHANNEL = "channel"  # as the rest
    IDEAL = "ideal"  # a genie hands it over as well, without errors


@dataclass(frozen=True, eq=False)
class ReceivedSignal:
    """What the receiver sees of one transmission.

    Attributes:
        mode: how the packet was modulated.
        samples: (B,) float32, one real sample per real channel use; of complex uses I and Q in turn.
        noise_variance: σ² per channel use, above zero; a complex use has σ²/2 per dimension.
        fec: how its bits are protected.
        gains: (blocks,) float32, |h| of each fading block; empty without fading, or when it is not known.
        fading_block_uses: channel uses of a block; 0 is the whole packet.
        estimate_gains: the gains are not known, and have to be estimated from the samples.
        genie: the first bytes of the packet as they were sent, beside the radio: the head (head protection
            ideal), or all (mode reconstruction).
        noise_key: what the noise of mode reconstruction is keyed on.
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
        if self.samples.size % SPECS[self.mode].samples_per_use:
            raise InvalidInputError(
                f"expected two samples per use by {self.mode}, got {self.samples.size} samples"
            )

    @property
    def uses(self) -> int:
        """Channel uses."""
        return self.samples.size // SPECS[self.mode].samples_per_use


@dataclass(frozen=True)
class LinkSettings:
    """How a packet is sent.

    Attributes:
        mode: modulation.
        snr_db: as the mode defines it (`SPECS`); +inf is no noise.
        seed: of noise, fading and erasures.
        fec: forward error correction.
        uses: channel uses of a transmission; 0 is what the mode needs.
        fading: how the gain varies.
        rician_k_db: K of Rician fading.
        fading_block_uses: channel uses with the same gain; 0 is the whole packet.
        channel_knowledge: the receiver knows |h| of each block.
        head_protection: how the head travels.
        erasure_rate: share of transmissions of which nothing arrives.
        erasure_burst: mean number of transmissions that are lost in a row; 0 is what independent losses have,
            1 / (1 - erasure_rate).
        latency_ms: added to each transmission.
        resends: times that a packet is sent again when the server asks for it.
    """

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

    def __post_init__(self) -> None:
        if self.snr_db != math.inf and not MIN_SNR_DB <= self.snr_db <= MAX_SNR_DB:
            raise InvalidInputError(
                f"expected an SNR from {MIN_SNR_DB:g} to {MAX_SNR_DB:g} dB, or inf, got {self.snr_db}"
            )
        if not 0 <= self.seed <= MAX_SEED:
            raise InvalidInputError(f"expected a seed from 0 to 2^64 - 1, got {self.seed}")
        _require("uses", self.uses, 0, MAX_USES)
        _require("a Rician K (dB)", self.rician_k_db, -MAX_RICIAN_K_DB, MAX_RICIAN_K_DB)
        _require("fading block uses", self.fading_block_uses, 0, MAX_USES)
        _require("an erasure rate", self.erasure_rate, 0, 1)
        _require("a latency (ms)", self.latency_ms, 0, MAX_LATENCY_MS)
        _require("resends", self.resends, 0, MAX_RESENDS)
        self._require_possible()

    def _require_possible(self) -> None:
        shortest = max(1.0, self.erasure_rate / (1 - self.erasure_rate)) if self.erasure_rate < 1 else 1.0
        if self.erasure_burst != 0 and not shortest <= self.erasure_burst < math.inf:
            raise InvalidInputError(
                f"expected a finite erasure burst of at least {shortest:g} at an erasure rate of "
                f"{self.erasure_rate:g}, or 0, got {self.erasure_burst:g}"
            )
        if self.fading is not Fading.NONE and not SPECS[self.mode].physical:
            raise InvalidInputError(
                f"expected fading none with mode {self.mode}, which is no physical channel, got {self.fading}"
            )


@dataclass(frozen=True)
class LinkChoice:
    """What a request chooses of the link (see `LinkSettings`); None leaves it to the channel's settings."""

    mode: Mode | None = None
    snr_db: float | None = None
    seed: int | None = None
    fec: Fec | None = None
    uses: int | None = None
    fading: Fading | None = None
    rician_k_db: float | None = None
    fading_block_uses: int | None = None
    channel_knowledge: bool | None = None
    head_protection: HeadProtection | None = None
    erasure_rate: float | None = None
    erasure_burst: float | None = None
    latency_ms: float | None = None
    resends: int | None = None

    def over(self, settings: LinkSettings) -> LinkSettings:
        """The settings, with what was chosen put over them."""
        chosen = {key: value for key, value in vars(self).items() if value is not None}
        return replace(settings, **chosen)


@dataclass(frozen=True)
class LinkReport:
    """What became of a packet; only the channel knows both sides.

    Attributes:
        mode: how the packet was modulated.
        snr_db: as `snr_definition` says.
        seed: seed of the noise.
        channel_uses: of all transmissions; real or complex as `complex_uses` says.
        energy: sum of the squared amplitudes sent, of all transmissions.
        bit_errors: wrong bits among `bits_sent`, by hard decision on all that arrived, after decoding.
        head_ok: the server read the labels that were sent, in their order.
        bits_sent: bits of the packet that went digitally: all, or those of the head in analog modes.
        snr_definition: what the SNR is, in words; that it is no physical channel where it is none.
        complex_uses: a channel use carries I and Q.
        fec: how its bits were protected.
        uses: channel uses of one transmission.
        fading: how the gain varied.
        channel_knowledge: the receiver knew the gains.
        genie: the head was handed to the receiver without errors, beside the radio.
        transmissions: times that the packet was sent.
        lost: transmissions of which nothing arrived.
        erased: nothing arrived at all.
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


def _require(name: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:
        raise InvalidInputError(f"expected {name} from {low:g} to {high:g}, got {value:g}")
