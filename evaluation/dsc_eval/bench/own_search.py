"""The project's search as a contender: `rank`, over the limits that trade accuracy for time."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from inspect import signature

from dsc_common.radio.link import ReceivedSignal
from dsc_common.retrieval.options import Ranking
from dsc_eval.bench.contender import Contender
from dsc_eval.offline.scheme import Scheme
from dsc_server.index.search_limits import DEFAULT_LIMITS, SearchLimits
from dsc_server.index.semantic_index import SemanticIndex
from dsc_server.ranking.rank import RankedList, rank
from dsc_server.receiving.decoded_packet import DecodedPacket
from dsc_server.receiving.registry import receive

SCORED = 1000  # images of each answer that mAP is computed from: no contender is better for a longer list
Answer = Callable[[int], RankedList]  # of a query's number
_RANKS_TOP = "top" in signature(rank).parameters


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
    decoded = [receive(scheme.index.summary, [signal], limits=limits) for signal in signals]
    ranked = answering(scheme.index, decoded, scheme.spec.ranking, limits)
    setting: dict[str, int | str] = {
        "setting": name,
        "max_candidates": limits.max_candidates,
        "min_candidates": limits.min_candidates,
        "rerank_depth": limits.rerank_depth,
    }
    return Contender(
        scheme.spec.name,
        setting,
        lambda number: ranked(number).images,
        lambda number, _images: num_candidates(ranked(number)),
    )


def answering(
    index: SemanticIndex,
    decoded: Sequence[DecodedPacket],
    ranking: Ranking,
    limits: SearchLimits = DEFAULT_LIMITS,
) -> Answer:
    """Ranks the packet of a query: the images that are re-ranked, at most `SCORED`.

    Code of before `rank` had the option ranks all candidates.
    """
    if not _RANKS_TOP:
        return lambda number: rank(index, decoded[number], ranking, limits=limits)
    top = min(SCORED, limits.rerank_depth)
    return lambda number: rank(index, decoded[number], ranking, limits=limits, top=top)


def num_candidates(found: RankedList) -> int:
    """Images that were compared; before `rank` had the option, it returned all of them."""
    return int(getattr(found, "num_candidates", found.images.size))
