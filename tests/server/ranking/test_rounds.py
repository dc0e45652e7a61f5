"""Two rounds over parts of a database rank as over the whole: lists of the first can be merged."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from dsc_channel.transmission import transmit
from dsc_common.packet.format import Payload
from dsc_common.radio.link import LinkSettings
from dsc_server.index.search_limits import SearchLimits
from dsc_server.index.semantic_index import SemanticIndex
from dsc_server.ranking.by_estimate import ScoredList, comparison_of, first_round, second_round
from dsc_server.ranking.rank import rank
from dsc_server.receiving.registry import receive
from helpers.clusters import index_of, packed, queries


def part_of(index: SemanticIndex, rows: NDArray[np.int64]) -> SemanticIndex:
    """The lists of some images alone, with the summary of the whole database."""
    kept = np.isin(index.images, rows)
    sizes = np.add.reduceat(np.append(kept, False), index.offsets[:-1]) * (index.list_sizes > 0)
    return replace(
        index,
        codes=index.codes[:, kept] if index.format.payload is Payload.CODES else index.codes,
        images=index.images[kept],
        offsets=np.concatenate([[0], np.cumsum(sizes)]),
    )


def merged(parts: list[ScoredList]) -> ScoredList:
    return ScoredList(
        np.concatenate([part.images for part in parts]),
        np.concatenate([part.scores for part in parts]),
        np.concatenate([part.evidence for part in parts]),
        parts[0].by_codes,
        sum(part.num_candidates for part in parts),
    )


@pytest.mark.parametrize("scheme", ["dsc+M=8", "dsc-shared+M=8", "dsc-pq+spill=3+fused", "dsc-raw", "hybrid"])
@pytest.mark.parametrize("snr_db", [float("inf"), 2.0, -3.0])
@pytest.mark.parametrize("depth", [12, 1000])
def test_merged_first_rounds_rank_as_the_whole(scheme: str, snr_db: float, depth: int) -> None:
    index, limits = index_of(scheme), SearchLimits(rerank_depth=depth)
    rows = np.arange(index.num_images)
    parts = [part_of(index, rows[rows % 3 == shard]) for shard in range(3)]
    assert sum(part.num_images for part in parts) == index.num_images
    for number, query in enumerate(queries(3)[0]):
        signal = transmit(
            packed(index, scheme, query), index.format, LinkSettings(snr_db=snr_db), f"{number}"
        )
        decoded = receive(index.summary, [signal])
        compared = comparison_of(index.summary, decoded)
        whole = first_round(index, decoded, compared)
        listed = merged([first_round(part, decoded, compared) for part in parts])
        by_image = dict(zip(listed.images.tolist(), listed.scores.tolist(), strict=True))
        for image, score in zip(whole.images.tolist(), whole.scores.tolist(), strict=True):
            assert by_image[image] == pytest.approx(score, abs=1e-6)  # on query and image alone
        assert (whole.evidence <= 0).all()
        expected = rank(index, decoded, index.ranking, limits=limits)
        scores = second_round(index, compared, listed, limits)
        found = dict(zip(listed.images.tolist(), scores.tolist(), strict=True))
        assert set(found) == set(expected.images.tolist())
        np.testing.assert_allclose(
            [found[image] for image in expected.images.tolist()], expected.scores, atol=1e-6
        )
