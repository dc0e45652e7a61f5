"""Queries of a scheme over a noisy link, with the core of the services: the outcome of each packet.

Noise and fading are keyed on (seed, request id) as they are online: draw n of a query has the link's seed
+ n, and the query's number as its request id. So no packet's noise depends on what else is measured.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import inf, sqrt

import numpy as np

from dsc_channel.reporting import report
from dsc_channel.transmission import transmit
from dsc_common.benchmark.ground_truth import EvaluationQuery
from dsc_common.benchmark.metrics import RankingScore, score_ranking
from dsc_common.packet.format import HeadCodec
from dsc_common.packet.packing import unpack
from dsc_common.radio.link import Fading, LinkReport, LinkSettings, ReceivedSignal
from dsc_eval.offline.benchmark_data import BenchmarkData
from dsc_eval.offline.scheme import Scheme
from dsc_server.index.semantic_index import SemanticIndex
from dsc_server.ranking.rank import rank
from dsc_server.receiving.decoded_packet import DecodedPacket
from dsc_server.receiving.registry import receive, receiver_name


@dataclass(frozen=True)
class Outcome:
    """The outcome of one packet.

    Attributes:
        score: of the ranking.
        link: the channel's report.
        head_wrong: the labels decided on are not those sent; where the head is a set, as sets.
        undetected: the head is wrong, but its check bits match.
        missing: fraction of the labels sent whose partition was not read; empty partitions do not count.
        confidence: of the receiver, 0 to 1.
    """

    score: RankingScore
    link: LinkReport
    head_wrong: bool
    undetected: bool
    missing: float
    confidence: float

    @property
    def packet_wrong(self) -> bool:
        """A bit that was sent digitally is wrong by the sign of its final log-likelihood ratio."""
        return self.link.bit_errors > 0


@dataclass(frozen=True, eq=False)
class Packets:
    """The packets of all queries of one scheme, encoded once.

    Attributes:
        scheme: that the packets belong to.
        data: one packet for each query.
        queries: positives and junk of each.
        cut: length at which lists are cut for their recall.
    """

    scheme: Scheme
    data: Sequence[bytes]
    queries: Sequence[EvaluationQuery]
    cut: int | None = None


@dataclass(frozen=True)
class Draws:
    """How often each packet is sent.

    Attributes:
        least: number of draws; more are added, as many each time, while `error` is exceeded.
        most: at most so many in all.
        error: standard error of mAP from the noise that is small enough; None: `least` draws are.
    """

    least: int
    most: int
    error: float | None = None


@dataclass(frozen=True, eq=False)
class Transmission:
    """One transmission of a packet.

    Attributes:
        labels: of its head.
        signals: received samples.
        link: the channel's report; `head_ok` is set when the head is read.
    """

    labels: list[int]
    signals: Sequence[ReceivedSignal]
    link: LinkReport


def packets_of(scheme: Scheme, data: BenchmarkData, cut: int | None = None) -> Packets:
    """Packets of all queries, as the device sends them."""
    packed = [scheme.pack(query) for query in data.features.queries]
    return Packets(scheme, packed, data.benchmark.queries, cut)


def draws_of(link: LinkSettings, draws: Draws) -> Draws:
    """Draws that differ: one where nothing is random."""
    return Draws(1, 1) if link.snr_db == inf and link.fading is Fading.NONE else draws


def send_enough(
    packets: Packets, link: LinkSettings, receivers: Sequence[str], draws: Draws
) -> dict[str, list[list[Outcome]]]:
    """Every packet in as many draws as each receiver needs: one list of outcomes per query for each of them.

    The draws of one receiver do not depend on the others.
    """
    outcomes = send_all(packets, link, receivers, draws.least)
    count = draws.least
    while count < draws.most and (unsure := _unsure(outcomes, count, draws.error)):
        more = min(draws.least, draws.most - count)
        further = send_all(packets, replace(link, seed=link.seed + count), unsure, more)
        for receiver in unsure:
            for known, added in zip(outcomes[receiver], further[receiver], strict=True):
                known.extend(added)
        count += more
    return outcomes


def _unsure(outcomes: Mapping[str, list[list[Outcome]]], count: int, error: float | None) -> list[str]:
    """Receivers whose mAP is not yet known well enough, among those with all `count` draws."""
    if error is None:
        return []
    return [
        receiver
        for receiver, queries in outcomes.items()
        if len(queries[0]) == count and (count < 2 or noise_error(queries) > error)
    ]


def noise_error(outcomes: Sequence[Sequence[Outcome]]) -> float:
    """Standard error of mAP from the noise alone: √(Σ_q s²_q / D) / Q, s²_q the variance over D ≥ 2 draws."""
    precisions = [[outcome.score.average_precision for outcome in draws] for draws in outcomes]
    variances = np.var(precisions, axis=1, ddof=1)
    return sqrt(float(variances.sum()) / len(precisions[0])) / len(precisions)


def send_all(
    packets: Packets, link: LinkSettings, receivers: Sequence[str], draws: int
) -> dict[str, list[list[Outcome]]]:
    """Every packet in every draw, read by every receiver: one list of outcomes per query for each of them."""
    outcomes: dict[str, list[list[Outcome]]] = {receiver: [] for receiver in receivers}
    for number in range(len(packets.data)):
        sent = [send(packets, number, replace(link, seed=link.seed + draw)) for draw in range(draws)]
        for receiver, of_receiver in outcomes.items():
            of_receiver.append([read(packets, number, transmission, receiver) for transmission in sent])
    return outcomes


def send(packets: Packets, number: int, link: LinkSettings) -> Transmission:
    """Packet `number`, once over the air."""
    data, fmt = packets.data[number], packets.scheme.format
    labels = unpack(data, fmt).labels.tolist()
    signals = [transmit(data, fmt, link, f"query-{number}")]
    return Transmission(labels, signals, report(data, fmt, link, signals, labels))


def read(packets: Packets, number: int, transmission: Transmission, receiver: str) -> Outcome:
    """Outcome of packet `number`: received, ranked, scored."""
    scheme, query = packets.scheme, packets.queries[number]
    decoded = receive(scheme.index.summary, transmission.signals, receiver_name(receiver))
    ranked = rank(scheme.index, decoded, scheme.spec.ranking)
    labels = decoded.head.labels.tolist()
    is_set = scheme.format.head_codec is HeadCodec.SET
    wrong = sorted(transmission.labels) != sorted(labels) if is_set else transmission.labels != labels
    return Outcome(
        score=score_ranking(ranked.images, query.positives, query.junk, (), packets.cut),
        link=replace(transmission.link, head_ok=transmission.labels == labels),
        head_wrong=wrong,
        undetected=wrong and decoded.head.trusted,
        missing=_missing(scheme.index, transmission.labels, decoded),
        confidence=decoded.confidence,
    )


def _missing(index: SemanticIndex, labels: Sequence[int], decoded: DecodedPacket) -> float:
    sizes, read = index.list_sizes, set(decoded.partitions.tolist())
    filled = [label for label in labels if sizes[label] > 0]
    return sum(label not in read for label in filled) / len(filled) if filled else 0.0
