"""Packet erasure with a Gilbert–Elliott chain: transmissions arrive in its good state, none in its bad state.

A slot is one transmission. The chain goes from bad to good with probability r = 1 / burst, from good to bad
with p = r · rate / (1 - rate). The fraction of bad slots is then p / (p + r) = rate, and the mean stay in the
bad state is 1 / r = burst slots.
"""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from dsc_common.radio.link import LinkSettings
from dsc_common.randomness import keyed_rng

# Each block of slots restarts from the stationary distribution: no slot needs a walk from slot 0.
SLOTS_PER_BLOCK = 1024


def is_erased(link: LinkSettings, slot: int) -> bool:
    """Whether the transmission in this slot is lost; depends only on the seed and the slot.

    Args:
        link: seed, erasure rate and mean burst.
        slot: sequence number of the packet for its first transmission, plus one for each retransmission.
    """
    if link.erasure_rate in {0.0, 1.0}:
        return bool(link.erasure_rate)
    block, place = divmod(slot, SLOTS_PER_BLOCK)
    return bool(_bad_slots(link.seed, link.erasure_rate, link.erasure_burst, block)[place])


@lru_cache(maxsize=256)
def _bad_slots(seed: int, rate: float, burst: float, block: int) -> NDArray[np.bool_]:
    """(SLOTS_PER_BLOCK,) bool."""
    leave = 1 / burst if burst else 1 - rate
    enter = leave * rate / (1 - rate)
    draws = keyed_rng(seed, "", "erasure", block).random(SLOTS_PER_BLOCK)
    bad = np.zeros(SLOTS_PER_BLOCK, dtype=np.bool_)
    state = False
    for slot, draw in enumerate(draws.tolist()):
        probability = rate if slot == 0 else 1 - leave if state else enter
        state = draw < probability
        bad[slot] = state
    return bad
