"""Compiled loops rank as array operations do: the same images, in the same order, with the same scores."""

import math
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from dsc_channel.transmission import transmit
from dsc_common.radio.link import LinkSettings
from dsc_common.retrieval.options import Ranking
from dsc_server.index.search_limits import SearchLimits
from dsc_server.index.semantic_index import SemanticIndex
from dsc_server.ranking.rank import RankedList, rank
from dsc_server.receiving.decoded_packet import DecodedPacket
from dsc_server.receiving.registry import receive
from helpers.clusters import SMALL, index_of, packed, queries
from helpers.kernels import KINDS, ranked_with

pytestmark = pytest.mark.skipif("numba" not in KINDS, reason="numba is not installed")
SCHEMES = [*SMALL.values(), "dsc-pq+spill=3", "dsc-pq+spill=3+estimate", "dsc-pq+spill=3+estimate+probes=2"]
TOLERANCE = 2e-6  # of scores that add in another order


def decoded_packets(scheme: str, snr_db: float, count: int = 8) -> tuple[SemanticIndex, list[DecodedPacket]]:
    index = index_of(scheme)
    return index, [
        receive(
            index.summary,
            [transmit(packed(index, scheme, query), index.format, LinkSettings(snr_db=snr_db), f"{number}")],
        )
        for number, query in enumerate(queries(count)[0])
    ]


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("snr_db", [math.inf, 3.0, -2.0])
def test_both_kernels_rank_alike(scheme: str, snr_db: float) -> None:
    index, packets = decoded_packets(scheme, snr_db)
    limits = SearchLimits(rerank_depth=30)
    for decoded in packets:
        for everything in (False, True) if index.ranking is Ranking.ESTIMATE else (False,):
            for top in (None, 10):
                found: list[RankedList] = []
                for name in ("numba", "numpy"):
                    with ranked_with(name):
                        found.append(
                            rank(index, decoded, index.ranking, everything=everything, limits=limits, top=top)
                        )
                one, other = found
                assert one.num_candidates == other.num_candidates
                if one.images.tolist() == other.images.tolist():
                    np.testing.assert_allclose(one.scores, other.scores, atol=TOLERANCE)
                else:  # where scores differ by rounding, they differ by no more
                    np.testing.assert_allclose(one.scores, other.scores, atol=TOLERANCE)
                    expected = dict(zip(other.images.tolist(), other.scores.tolist(), strict=True))
                    for image, score in zip(one.images.tolist(), one.scores.tolist(), strict=True):
                        assert expected.get(image, other.scores[-1]) == pytest.approx(score, abs=TOLERANCE)


@pytest.mark.parametrize("scheme", ["dsc+M=8", "dsc-shared+M=8", "hybrid", "dsc-raw"])
def test_without_doubt_no_bit_differs(scheme: str) -> None:
    index, packets = decoded_packets(scheme, math.inf)
    for decoded in packets:
        lists = []
        for name in ("numba", "numpy"):
            with ranked_with(name):
                lists.append(rank(index, decoded, index.ranking))
        one, other = lists
        assert one.images.tolist() == other.images.tolist()
        assert one.scores.tobytes() == other.scores.tobytes()


def test_threads_rank_as_one_does() -> None:
    index, packets = decoded_packets("dsc+M=8", 2.0)
    alone = [rank(index, decoded, index.ranking, top=10) for decoded in packets]
    with ThreadPoolExecutor(4) as pool:
        asked = [packet for _ in range(25) for packet in packets]
        together = list(pool.map(lambda decoded: rank(index, decoded, index.ranking, top=10), asked))
    for number, found in enumerate(together):
        expected = alone[number % len(packets)]
        assert found.images.tolist() == expected.images.tolist()
        assert found.scores.tobytes() == expected.scores.tobytes()
