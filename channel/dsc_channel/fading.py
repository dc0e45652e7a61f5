"""Block fading: the gain |h| of each block of channel uses, E|h|² = 1. The receiver tracks its phase."""

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from dsc_common.radio.link import Fading, LinkSettings


def draw_gains(
    link: LinkSettings, blocks: int, new_rng: Callable[[], np.random.Generator]
) -> NDArray[np.float32]:
    """|h| with h = √(K/(K+1)) + √(1/(K+1)) g, g ~ CN(0, 1); K = 0 is Rayleigh, and K → ∞ is no fading.

    Args:
        link: distribution, and K in dB.
        blocks: number of gains.
        new_rng: makes the generator of the random numbers; not called without fading.

    Returns:
        (blocks,) float32.
    """
    if link.fading is Fading.NONE:
        return np.ones(blocks, dtype=np.float32)
    k = 10 ** (link.rician_k_db / 10) if link.fading is Fading.RICIAN else 0.0
    scattered = new_rng().standard_normal((2, blocks)) * math.sqrt(0.5 / (k + 1))
    h = math.sqrt(k / (k + 1)) + scattered[0] + 1j * scattered[1]
    gains: NDArray[np.float32] = np.abs(h).astype(np.float32)
    return gains
