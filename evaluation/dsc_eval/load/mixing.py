"""Kinds of packets mixed in proportion: SNRs, modes and receivers, in one sequence of messages.

A server has one index and so one scheme; what a request chooses is its link and its receiver.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product
from math import inf
from typing import TypeVar

import numpy as np

from dsc_common.errors import InvalidInputError
from dsc_common.radio.link import LinkChoice, LinkSettings
from dsc_common.radio.modes import Mode
from dsc_common.randomness import keyed_rng
from dsc_common.retrieval.options import RetrievalOptions

MIXED = 1000  # messages of a sequence, at least
_Value = TypeVar("_Value")


@dataclass(frozen=True)
class Kind:
    """A kind of packets.

    Attributes:
        mode: modulation; None: the channel's.
        snr_db: SNR; None: the channel's.
        receiver: by name; None: the server's.
        weight: its part of all messages, relative to the weights of the others.
    """

    mode: Mode | None = None
    snr_db: float | None = None
    receiver: str | None = None
    weight: float = 1.0

    @property
    def name(self) -> str:
        """Such as "bpsk, 5 dB" or "5 dB, hard"."""
        snr = None if self.snr_db is None else "no noise" if self.snr_db == inf else f"{self.snr_db:g} dB"
        return ", ".join(part for part in (self.mode, snr, self.receiver) if part) or "default"

    def link(self, seed: int) -> LinkChoice:
        """What its requests choose; InvalidInputError if no link is like this."""
        link = LinkChoice(mode=self.mode, snr_db=self.snr_db, seed=seed)
        link.over(LinkSettings())
        return link

    def options(self, top: int) -> RetrievalOptions:
        """What its requests ask for."""
        return RetrievalOptions(top, receiver=self.receiver)


@dataclass(frozen=True)
class Messages:
    """Messages that requests take in turn.

    Attributes:
        requests: encoded messages.
        kind_of: place in `kinds` of each.
        kinds: their names.
    """

    requests: Sequence[bytes]
    kind_of: Sequence[int] = ()
    kinds: Sequence[str] = ()


def kinds_of(modes: str | None, snrs_db: str | None, receivers: str | None) -> list[Kind]:
    """All combinations of lists such as "0,5:2,inf"; the weight follows a colon, and weights multiply.

    Raises:
        InvalidInputError: a value or a weight is not as expected.
    """
    by_mode = _weighted("--modes", modes, Mode)
    by_snr = _weighted("--snr-db", snrs_db, float)
    by_receiver = _weighted("--receivers", receivers, str)
    kinds = [
        Kind(mode, snr_db, receiver, a * b * c)
        for (mode, a), (snr_db, b), (receiver, c) in product(by_mode, by_snr, by_receiver)
    ]
    for kind in kinds:
        kind.link(0)
    return kinds


def _weighted(
    option: str, text: str | None, kind: Callable[[str], _Value]
) -> list[tuple[_Value | None, float]]:
    if text is None:
        return [(None, 1.0)]
    found = []
    for part in text.split(","):
        value, _, weight = part.strip().partition(":")
        try:
            found.append((kind(value), float(weight or 1)))
        except ValueError:
            raise InvalidInputError(f"{option}: expected VALUE[:WEIGHT],…, got {part.strip()!r}") from None
        if not (value and 0 < found[-1][1] < inf):
            raise InvalidInputError(f"{option}: expected a value and a weight above 0, got {part.strip()!r}")
    return list(found)


def mixed(kinds: Sequence[Kind], messages: Sequence[Sequence[bytes]], seed: int) -> Messages:
    """One sequence with all kinds in proportion to their weights, in an order that the seed decides.

    Args:
        kinds: with their weights.
        messages: of each kind; they are taken in turn.
        seed: of the order.
    """
    size = max(MIXED, *map(len, messages))
    places = np.repeat(np.arange(len(kinds)), counts([kind.weight for kind in kinds], size))
    order = keyed_rng(seed, "mix").permutation(places).tolist()
    taken = [0] * len(kinds)
    requests = []
    for place in order:
        requests.append(messages[place][taken[place] % len(messages[place])])
        taken[place] += 1
    return Messages(requests, order, [kind.name for kind in kinds])


def counts(weights: Sequence[float], size: int) -> list[int]:
    """Whole numbers in proportion to weights: their sum is `size`, and each is at least 1 if size allows."""
    exact = np.array(weights) / np.sum(weights) * size
    whole = np.floor(exact)
    largest = np.argsort(whole - exact, kind="stable")[: size - int(whole.sum())]
    whole[largest] += 1
    for place in np.flatnonzero(whole == 0):
        whole[place], whole[whole.argmax()] = 1, whole.max() - 1
    return [int(count) for count in whole]
