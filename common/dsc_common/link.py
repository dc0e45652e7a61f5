"""What the radio delivers and what became of a packet, as plain values."""

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from dsc_common.errors import InvalidInputError
from dsc_common.modulation import Mode

MIN_SNR_DB = -100.0
MAX_SNR_DB = 100.0
MAX_SEED = (1 << 64) - 1
# No receiver knows its noise to be exactly zero: a signal without noise states this variance.
NOISE_VARIANCE_FLOOR = 1e-12


@dataclass(frozen=True, eq=False)
class ReceivedSignal:
    """What the receiver sees.

    Attributes:
        mode: how the bits were modulated.
        samples: (B,) float32, one real sample per channel use.
        noise_variance: σ² per real channel use, above zero.
    """

    mode: Mode
    samples: NDArray[np.float32]
    noise_variance: float

    def __post_init__(self) -> None:
        if not np.isfinite(self.samples).all():
            raise InvalidInputError("expected finite samples, got NaN or infinity")
        if not (math.isfinite(self.noise_variance) and self.noise_variance > 0):
            raise InvalidInputError(f"expected a noise variance above 0, got {self.noise_variance}")


@dataclass(frozen=True)
class LinkSettings:
    """How a packet is sent: mode, SNR = P/σ² per real channel use (+inf: no noise), seed of the noise."""

    mode: Mode = Mode.BPSK
    snr_db: float = 5.0
    seed: int = 0

    def __post_init__(self) -> None:
        if self.snr_db != math.inf and not MIN_SNR_DB <= self.snr_db <= MAX_SNR_DB:
            raise InvalidInputError(
                f"expected an SNR from {MIN_SNR_DB:g} to {MAX_SNR_DB:g} dB, or inf, got {self.snr_db}"
            )
        if not 0 <= self.seed <= MAX_SEED:
            raise InvalidInputError(f"expected a seed from 0 to 2^64 - 1, got {self.seed}")


@dataclass(frozen=True)
class LinkChoice:
    """What a request chooses of the link; None leaves it to the channel's own settings."""

    mode: Mode | None = None
    snr_db: float | None = None
    seed: int | None = None

    def over(self, settings: LinkSettings) -> LinkSettings:
        """The settings, with what was chosen put over them."""
        chosen = {key: value for key, value in vars(self).items() if value is not None}
        return replace(settings, **chosen)


@dataclass(frozen=True)
class LinkReport:
    """What became of a packet; only the channel knows both sides.

    Attributes:
        mode: how the bits were modulated.
        snr_db: P/σ² per real channel use.
        seed: seed of the noise.
        channel_uses: real channel uses.
        energy: sum of the squared amplitudes sent.
        bit_errors: wrong bits of the packet, by hard decision.
        head_ok: the server read the labels that were sent, in their order.
    """

    mode: Mode
    snr_db: float
    seed: int
    channel_uses: int
    energy: float
    bit_errors: int
    head_ok: bool
