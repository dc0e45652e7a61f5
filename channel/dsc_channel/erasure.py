"""Packet erasure by a Gilbert–Elliott chain: in its good state all arrives, in its bad state nothing does.

A slot is one transmission. From bad to good it goes with the probability r = 1 / burst, from good to bad with
p = r · rate / (1 - rate): the share of bad slots is p / (p + r) = rate, and a stay in the bad state lasts
1 / r = burst slots on average.
"""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from dsc_common.radio.link import LinkSettings
from dsc_common.randomness import keyed_rng

# The chain starts anew, from its stationary law, so that any slot is found without walking from the first.
SLOTS_PER_BLOCK = 1024


def is_erased(link: LinkSettings, slot: int) -> bool:
    """Whether nothing arrives of the transmission in this slot: a matter of seed and slot alone.

    Args:
        link: seed, erasure rate and mean burst.
        slot: of the packet's first transmission its sequence number, of each further one the next.
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
        likely = rate if slot == 0 else 1 - leave if state else enter
        state = draw < likely
        bad[slot] = state
    return bad
