"""Mode `reconstruction`: noise added to the feature that the server reconstructs, without a radio."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from dsc_common.radio.link import NOISE_VARIANCE_FLOOR, ReceivedSignal
from dsc_common.randomness import keyed_rng


def add_feature_noise(signals: Sequence[ReceivedSignal], feature: NDArray[np.float32]) -> NDArray[np.float32]:
    """q̂ + n, n ~ N(0, P σ² I) with P = ‖q̂‖² / D; transmissions are averaged with weights 1/σ².

    Args:
        signals: signals of mode reconstruction, with their noise variances σ² and the keys of their noise.
        feature: (D,) float32, as reconstructed from the clean bits.

    Returns:
        (D,) float32.
    """
    scale = math.sqrt(float(np.mean(feature.astype(np.float64) ** 2)))
    total, weight = np.zeros(feature.size), 0.0
    for signal in signals:
        noise = keyed_rng(0, signal.noise_key).standard_normal(feature.size)
        variance = max(signal.noise_variance, NOISE_VARIANCE_FLOOR)
        total += noise / math.sqrt(variance)
        weight += 1 / variance
    return (feature + scale * total / weight).astype(np.float32)
