"""A packet ranked at its word, without any radio."""

from dsc_common.packet.packing import Packet
from dsc_common.retrieval.options import Ranking
from dsc_server.index.semantic_index import SemanticIndex
from dsc_server.ranking.rank import RankedList, rank
from dsc_server.receiving.separate import packet_as_sent


def rank_candidates(index: SemanticIndex, packet: Packet, ranking: Ranking) -> RankedList:
    """All images of the head's partitions, for a packet that is taken at its word: `rank` of its decoded."""
    return rank(index, packet_as_sent(index.summary, packet), ranking)
