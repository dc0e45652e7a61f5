"""Received signals of a packet → ranked results: the server's answer, computed without a network."""

import math
from collections.abc import Sequence

import numpy as np

from dsc_common.packet.format import PacketFormat
from dsc_common.radio.link import ReceivedSignal
from dsc_common.retrieval.options import Policy, Ranking, RetrievalOptions
from dsc_common.retrieval.results import RankedImage, RankedResults
from dsc_common.steps import Steps, finished
from dsc_server.index.catalogue import Catalogue
from dsc_server.index.search_limits import DEFAULT_LIMITS, SearchLimits
from dsc_server.index.semantic_index import SemanticIndex
from dsc_server.ranking.rank import RankedList, rank
from dsc_server.receiving.decoded_packet import DecodedPacket
from dsc_server.receiving.registry import receive, receiver_name
from dsc_server.receiving.separate import candidate_slots

CONFIDENCE_THRESHOLD = 0.5
NOT_SEARCHED = "the whole database was not searched: policy exhaustive needs the ranking estimate"
NOISE_FREE = 1e6  # SNR, 60 dB, from which no bit errs in any mode


def retrieve(
    index: SemanticIndex,
    catalogue: Catalogue,
    signals: Sequence[ReceivedSignal],
    options: RetrievalOptions,
    limits: SearchLimits = DEFAULT_LIMITS,
) -> RankedResults:
    """Decode a packet, build the candidate list, and rank it.

    Args:
        index: the database.
        catalogue: images of the database, by row.
        signals: one received signal per transmission of the packet.
        options: options of the request.
        limits: bounds on the work.

    Raises:
        InvalidInputError: the signals do not fit the packets of this index, or the receiver is unknown.
    """
    return finished(retrieve_in_steps(index, catalogue, signals, options, limits))


def retrieve_in_steps(
    index: SemanticIndex,
    catalogue: Catalogue,
    signals: Sequence[ReceivedSignal],
    options: RetrievalOptions,
    limits: SearchLimits = DEFAULT_LIMITS,
) -> Steps[RankedResults]:
    """`retrieve` in two steps: decoding, then ranking."""
    name = receiver_name(options.receiver)
    decoded = receive(index.summary, signals, name, limits)
    yield
    ranking = options.ranking or index.ranking
    threshold = options.confidence_threshold
    is_low = decoded.confidence < (CONFIDENCE_THRESHOLD if threshold is None else threshold)
    everything = is_low and options.policy is Policy.EXHAUSTIVE and ranking is Ranking.ESTIMATE
    ranked = rank(index, decoded, ranking, everything=everything, limits=limits, top=options.top)
    return RankedResults(
        images=_shown(ranked, catalogue),
        num_candidates=ranked.num_candidates,
        head=decoded.head.labels.tolist(),
        head_trusted=decoded.head.trusted,
        notices=[
            *_of_the_head(decoded, index.format),
            *([_of_low_confidence(decoded, signals, options, everything=everything)] if is_low else []),
            *([NOT_SEARCHED] if is_low and options.policy is Policy.EXHAUSTIVE and not everything else []),
            *_of_an_empty_list(decoded, ranked),
        ],
        confidence=decoded.confidence,
        low_confidence=is_low,
        receiver=name,
        head_errors_corrected=decoded.head.corrected,
        estimate_dim=int(decoded.q.size) if ranking is Ranking.ESTIMATE else 0,
    )


def _shown(ranked: RankedList, catalogue: Catalogue) -> list[RankedImage]:
    best = zip(ranked.images.tolist(), ranked.scores.tolist(), strict=True)
    return [
        RankedImage(rank, catalogue[image].id, catalogue[image].uri, catalogue[image].label, score)
        for rank, (image, score) in enumerate(best, start=1)
    ]


def _of_the_head(decoded: DecodedPacket, fmt: PacketFormat) -> list[str]:
    labels = decoded.head.labels
    notices = []
    if not decoded.head.trusted:
        doubt = "it is in doubt" if decoded.head.posterior.size else "its check bits disagree with its labels"
        notices.append(f"the head arrived with errors: {doubt}")
    unused = fmt.head_labels - len(candidate_slots(labels, fmt.num_partitions))
    if unused:
        notices.append(
            f"{unused} of the {fmt.head_labels} labels received repeat or exceed "
            f"{fmt.num_partitions - 1}: left out"
        )
    return notices


def _of_low_confidence(
    decoded: DecodedPacket,
    signals: Sequence[ReceivedSignal],
    options: RetrievalOptions,
    *,
    everything: bool,
) -> str:
    low = f"low confidence ({_rounded_down(decoded.confidence)})"
    if everything:
        return f"{low}: the whole database was searched"
    if options.policy is Policy.RESEND:
        return f"{low} after {len(signals)} transmission{'s' * (len(signals) != 1)}"
    if any(_is_noise_free(signal) for signal in signals):
        return f"{low}: the packet arrived without noise, so that sending it again would not help"
    return f"{low}: ask again with --policy resend"


def _rounded_down(confidence: float) -> str:
    """Two decimals, never those of a threshold that the confidence is below."""
    return f"{math.floor(100 * confidence) / 100:.2f}"


def _is_noise_free(signal: ReceivedSignal) -> bool:
    power = float(np.mean(np.square(signal.samples, dtype=np.float64))) if signal.samples.size else 0.0
    return power > NOISE_FREE * signal.noise_variance


def _of_an_empty_list(decoded: DecodedPacket, ranked: RankedList) -> list[str]:
    if ranked.images.size:
        return []
    return [f"no image in the partitions of the labels received: {decoded.head.labels.tolist()}"]
