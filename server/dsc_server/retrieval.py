"""Received signals of a packet → ranked results: the server's whole answer, without any network."""

from collections.abc import Sequence

from dsc_common.link import ReceivedSignal
from dsc_common.packet import PacketFormat
from dsc_common.results import RankedImage, RankedResults, RetrievalOptions
from dsc_server.catalogue import CatalogueImage
from dsc_server.ranking import RankedList, candidate_slots, rank_candidates
from dsc_server.receiver import Reception, receive_hard
from dsc_server.semantic_index import SemanticIndex


def retrieve(
    index: SemanticIndex,
    catalogue: Sequence[CatalogueImage],
    signals: Sequence[ReceivedSignal],
    options: RetrievalOptions,
) -> RankedResults:
    """Decode, build the candidate list, rank.

    Raises:
        InvalidInputError: the signals are not those of a packet of this index.
    """
    reception = receive_hard(signals, index.format)
    ranked = rank_candidates(index, reception.packet, options.ranking or index.ranking)
    return RankedResults(
        images=_top_images(ranked, catalogue, options.top),
        num_candidates=int(ranked.images.size),
        head=reception.packet.labels.tolist(),
        head_check_ok=reception.head_check_ok,
        notices=_notices(reception, ranked, index.format),
    )


def _top_images(ranked: RankedList, catalogue: Sequence[CatalogueImage], top: int) -> list[RankedImage]:
    best = zip(ranked.images[:top].tolist(), ranked.scores[:top].tolist(), strict=True)
    return [
        RankedImage(rank, catalogue[image].id, catalogue[image].uri, catalogue[image].label, score)
        for rank, (image, score) in enumerate(best, start=1)
    ]


def _notices(reception: Reception, ranked: RankedList, fmt: PacketFormat) -> list[str]:
    labels = reception.packet.labels
    notices = []
    if not reception.head_check_ok:
        notices.append("the head arrived with errors: its check bits disagree with its labels")
    unused = fmt.head_labels - len(candidate_slots(labels, fmt.num_labels))
    if unused:
        notices.append(
            f"{unused} of the {fmt.head_labels} labels received repeat or exceed "
            f"{fmt.num_labels - 1}: left out"
        )
    if not ranked.images.size:
        notices.append(f"no image in the partitions of the labels received: {labels.tolist()}")
    return notices
