"""A short list is the beginning of the whole list, for every scheme, with and without noise."""

import math
from dataclasses import replace

import numpy as np
import pytest

from dsc_channel.transmission import transmit
from dsc_common.radio.link import LinkSettings
from dsc_common.retrieval.options import Ranking
from dsc_server.index.search_limits import SearchLimits
from dsc_server.ranking.rank import rank
from dsc_server.receiving.registry import receive
from helpers.clusters import SMALL, index_of, packed, queries

SCHEMES = [*SMALL.values(), "dsc-pq+spill=3", "dsc-pq+spill=3+estimate", "dsc-shared+M=8+expansion=3"]


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("snr_db", [math.inf, 0.0])
def test_a_short_list_is_the_beginning_of_the_whole(scheme: str, snr_db: float) -> None:
    index = index_of(scheme)
    limits = SearchLimits(rerank_depth=12)
    for number, query in enumerate(queries(4)[0]):
        link = LinkSettings(snr_db=snr_db)
        decoded = receive(
            index.summary, [transmit(packed(index, scheme, query), index.format, link, f"{number}")]
        )
        for everything in (False, True) if index.ranking is Ranking.ESTIMATE else (False,):
            whole = rank(index, decoded, index.ranking, everything=everything, limits=limits)
            assert whole.num_candidates == len(whole.images)
            for top in (1, 5, 12, 13, 40, 10_000):
                short = rank(index, decoded, index.ranking, everything=everything, limits=limits, top=top)
                assert short.images.tolist() == whole.images[:top].tolist()
                assert short.scores.tolist() == whole.scores[:top].tolist()
                assert short.num_candidates == whole.num_candidates


@pytest.mark.parametrize("scheme", ["dsc-pq", "dsc-pq+spill=3"])
def test_short_lists_of_equal_images_are_the_beginning_too(scheme: str) -> None:
    index = index_of(scheme)
    index = replace(index, codes=np.zeros_like(index.codes))  # equal scores within each partition
    query = queries(1)[0][0]
    decoded = receive(
        index.summary, [transmit(packed(index, scheme, query), index.format, LinkSettings(), "")]
    )
    for ranking in (Ranking.SQUARED_DISTANCE, Ranking.COSINE):
        whole = rank(index, decoded, ranking)
        for top in range(1, len(whole.images) + 2):
            short = rank(index, decoded, ranking, top=top)
            assert short.images.tolist() == whole.images[:top].tolist()
            assert short.num_candidates == len(whole.images)
