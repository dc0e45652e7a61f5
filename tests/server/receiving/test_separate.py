"""Receivers that decide on a head first: what they make of a head that is set right, and of soft codes."""

import numpy as np
import pytest

from dsc_common.packet.bits import bits_from_bytes
from dsc_common.packet.packing import unpack
from dsc_server.ranking.rank import rank
from dsc_server.receiving.decoded_packet import Observation
from dsc_server.receiving.separate import packet_as_sent, read_hard, read_list, read_soft
from helpers.clusters import index_of, packed, queries


@pytest.mark.parametrize("scheme", ["dsc-pq", "dsc-pq+scrambled", "dsc-pq+set", "dsc-raw", "dsc-shared+M=8"])
def test_a_head_that_is_set_right_leaves_a_packet_as_it_was_sent(scheme: str) -> None:
    index = index_of(scheme)
    rng = np.random.default_rng(0)
    for query in queries(10)[0]:
        data = packed(index, scheme, query)
        llrs = 9 * (1 - 2 * bits_from_bytes(data).astype(np.float64))
        llrs[rng.choice(index.format.message_bits, 2, replace=False)] *= -0.05
        hard, found = read_hard(index.summary, Observation(llrs)), read_list(index.summary, Observation(llrs))
        sent = packet_as_sent(index.summary, unpack(data, index.format))
        assert hard.head.labels.tolist() != sent.head.labels.tolist()
        assert (hard.trust, hard.confidence) == (0, 0)  # its check bits disagree
        assert found.head.labels.tolist() == sent.head.labels.tolist()
        assert (found.head.corrected, found.trust, found.confidence) == (2, 1, 1)
        assert found.q.tolist() == sent.q.tolist()
        # Scrambled codes are read by the labels that were found, not by those that arrived.
        assert [one.tolist() for one in found.residuals] == [one.tolist() for one in sent.residuals]
        assert (
            rank(index, found, index.ranking).images.tolist()
            == rank(index, sent, index.ranking).images.tolist()
        )


def test_a_soft_code_weighs_what_a_hard_one_decides() -> None:
    index, [query] = index_of("dsc-pq"), queries(1)[0]
    data = packed(index, "dsc-pq", query)
    fmt = index.format
    sure = 30 * (1 - 2 * bits_from_bytes(data).astype(np.float64))
    doubtful = sure.copy()
    place = 8 * fmt.head_bytes + 7  # the last bit of the first word of the first code
    doubtful[place] = 0
    label = int(unpack(data, fmt).labels[0])
    words = index.codebook.subcodebooks(label)
    code = int(unpack(data, fmt).codes[0, 0])
    pair = [j for j in (code, code ^ 1) if j < len(words)]
    soft = read_soft(index.summary, Observation(doubtful))
    assert soft.posteriors[0][0][pair].tolist() == pytest.approx([1 / len(pair)] * len(pair), abs=1e-6)
    others = [row for m, row in enumerate(soft.posteriors[0]) if m]
    assert all(row.max() == pytest.approx(1, abs=1e-6) for row in others)
    assert soft.head.labels.tolist() == read_hard(index.summary, Observation(doubtful)).head.labels.tolist()
    assert soft.confidence <= read_soft(index.summary, Observation(sure)).confidence
