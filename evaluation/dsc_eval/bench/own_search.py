"""The project's search as a contender: `rank`, over the limits that trade accuracy for time."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from dsc_common.radio.link import ReceivedSignal
from dsc_eval.bench.contender import Contender
from dsc_eval.offline.scheme import Scheme
from dsc_server.index.search_limits import DEFAULT_LIMITS, SearchLimits
from dsc_server.ranking.rank import rank
from dsc_server.receiving.registry import receive


def points(
    num_entries: int, candidates: Sequence[int], depths: Sequence[int], default: SearchLimits = DEFAULT_LIMITS
) -> dict[str, SearchLimits]:
    """Limits by name: the default, then exactly so many listed images, then so many that are re-ranked.

    Args:
        num_entries: images in all lists; more candidates than that give the same result, and are left out.
        candidates: numbers of listed images.
        depths: numbers of images that are re-ranked.
        default: limits of a server.
    """
    exact = {
        f"{count:,} listed": replace(default, max_candidates=count, min_candidates=count)
        for count in candidates
        if count < num_entries
    }
    refined = {f"{depth:,} re-ranked": replace(default, rerank_depth=depth) for depth in depths}
    return {"default": default, **exact, **refined}


def own_contenders(
    scheme: Scheme, signals: Sequence[ReceivedSignal], limits_by_name: Mapping[str, SearchLimits]
) -> Iterator[Contender]:
    """A contender for each point. Packets are decoded here: limits decide which partitions are read."""
    for name, limits in limits_by_name.items():
        yield _contender(scheme, signals, name, limits)


def _contender(
    scheme: Scheme, signals: Sequence[ReceivedSignal], name: str, limits: SearchLimits
) -> Contender:
    summary = scheme.index.summary
    decoded = [receive(summary, [signal], limits=limits) for signal in signals]

    def answer(number: int) -> NDArray[np.int64]:
        return rank(scheme.index, decoded[number], scheme.spec.ranking, limits=limits).images

    setting: dict[str, int | str] = {
        "setting": name,
        "max_candidates": limits.max_candidates,
        "min_candidates": limits.min_candidates,
        "rerank_depth": limits.rerank_depth,
    }
    return Contender(scheme.spec.name, setting, answer, _all_listed)


def _all_listed(_number: int, images: NDArray[np.int64]) -> int:
    """`rank` returns all candidates."""
    return int(images.size)
