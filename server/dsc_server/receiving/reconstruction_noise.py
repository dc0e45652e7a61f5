"""Mode `reconstruction`: noise on the feature that the server reconstructs, and no radio at all."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from dsc_common.radio.link import ReceivedSignal
from dsc_common.randomness import keyed_rng


def add_feature_noise(signals: Sequence[ReceivedSignal], feature: NDArray[np.float32]) -> NDArray[np.float32]:
    """q̂ + n, n ~ N(0, P σ² I) with P = ‖q̂‖² / D; several transmissions are averaged by their precision.

    Args:
        signals: of mode reconstruction; σ² is their noise variance, their noise keys make the noise.
        feature: (D,) float32, as reconstructed from the clean bits.

    Returns:
        (D,) float32.
    """
    scale = math.sqrt(float(np.mean(feature.astype(np.float64) ** 2)))
    total, weight = np.zeros(feature.size), 0.0
    for signal in signals:
        noise = keyed_rng(0, signal.noise_key).standard_normal(feature.size)
        total += noise / math.sqrt(signal.noise_variance)
        weight += 1 / signal.noise_variance
    return (feature + scale * total / weight).astype(np.float32)
