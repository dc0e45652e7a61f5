"""The Gilbert–Elliott chain against its closed form; slots that know nothing of each other's order."""

import math
import random

import numpy as np
import pytest
from numpy.typing import NDArray

from dsc_channel.erasure import SLOTS_PER_BLOCK, is_erased
from dsc_common.radio.link import LinkSettings
from dsc_common.randomness import keyed_rng

BLOCKS = 60


def states(link: LinkSettings) -> NDArray[np.bool_]:
    """(BLOCKS, SLOTS_PER_BLOCK) bool: each block is a walk of its own."""
    slots = range(BLOCKS * SLOTS_PER_BLOCK)
    return np.array([is_erased(link, slot) for slot in slots]).reshape(BLOCKS, SLOTS_PER_BLOCK)


@pytest.mark.parametrize(("rate", "burst"), [(0.1, 1.0), (0.1, 5.0), (0.4, 3.0), (0.75, 4.0), (0.3, 0.0)])
def test_loss_and_bursts_are_those_of_the_chain(rate: float, burst: float) -> None:
    bad = states(LinkSettings(erasure_rate=rate, erasure_burst=burst, seed=3))
    leave = 1 / burst if burst else 1 - rate  # losses in a row without memory
    enter = leave * rate / (1 - rate)
    # The states of a two-state chain correlate as ρ^lag with ρ = 1 - p - r, so the share's variance is that
    # of independent slots times (1 + ρ) / (1 - ρ).
    memory = 1 - enter - leave
    error = math.sqrt(rate * (1 - rate) / bad.size * (1 + memory) / (1 - memory))
    assert abs(bad.mean() - rate) < 3 * error
    from_bad = bad[:, :-1]
    stays, leaves = int((from_bad & bad[:, 1:]).sum()), int((from_bad & ~bad[:, 1:]).sum())
    count = stays + leaves
    assert abs(leaves / count - leave) <= 3 * math.sqrt(leave * (1 - leave) / count)
    enters = int((~from_bad & bad[:, 1:]).sum())
    count = int((~from_bad).sum())
    assert abs(enters / count - enter) < 3 * math.sqrt(enter * (1 - enter) / count)


def test_each_block_starts_from_the_stationary_law() -> None:
    link = LinkSettings(erasure_rate=0.3, erasure_burst=20.0)
    first = [is_erased(link, block * SLOTS_PER_BLOCK) for block in range(2000)]
    assert abs(np.mean(first) - 0.3) < 3 * math.sqrt(0.3 * 0.7 / 2000)


def test_a_slot_does_not_depend_on_what_was_asked_before() -> None:
    link = LinkSettings(erasure_rate=0.5, erasure_burst=4.0, seed=8)
    slots = [*range(0, 5000, 7), 1 << 40, (1 << 64) - 1]
    in_order = {slot: is_erased(link, slot) for slot in slots}
    random.Random(1).shuffle(slots)
    assert {slot: is_erased(link, slot) for slot in slots} == in_order
    assert 0 < sum(in_order.values()) < len(slots)


def test_another_seed_is_another_chain() -> None:
    links = [LinkSettings(erasure_rate=0.5, seed=seed) for seed in (1, 2)]
    first, second = ([is_erased(link, slot) for slot in range(200)] for link in links)
    assert first != second


def test_independent_losses_are_the_draws_themselves() -> None:
    link = LinkSettings(erasure_rate=0.25, seed=4)
    draws = keyed_rng(4, "", "erasure", 0).random(SLOTS_PER_BLOCK)
    assert [is_erased(link, slot) for slot in range(SLOTS_PER_BLOCK)] == (draws < 0.25).tolist()


@pytest.mark.parametrize(("rate", "lost"), [(0.0, False), (1.0, True)])
def test_nothing_or_all_is_lost(rate: float, lost: bool) -> None:
    link = LinkSettings(erasure_rate=rate)
    assert all(is_erased(link, slot) is lost for slot in range(3000))
