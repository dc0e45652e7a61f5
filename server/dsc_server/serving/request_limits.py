"""Bounds on the size of one request."""

from collections.abc import Sequence
from dataclasses import dataclass

from dsc_common.errors import InvalidInputError
from dsc_common.radio.demodulation import MAX_SIGNALS


@dataclass(frozen=True)
class RequestLimits:
    """Bounds on the signals of a request.

    Attributes:
        max_signals: received signals, one for each transmission of the packet.
        max_samples: samples of all of them.
    """

    max_signals: int = MAX_SIGNALS
    max_samples: int = 2_000_000

    def require(self, samples: Sequence[int]) -> None:
        """Raise InvalidInputError unless a request may have signals of so many samples each."""
        if not 1 <= len(samples) <= self.max_signals:
            raise InvalidInputError(f"expected 1 to {self.max_signals} received signals, got {len(samples)}")
        if sum(samples) > self.max_samples:
            raise InvalidInputError(f"expected up to {self.max_samples} samples in all, got {sum(samples)}")


DEFAULT_REQUEST_LIMITS = RequestLimits()
