"""A query's whole answer: ranks, notices, and empty results that say so."""

import math
from dataclasses import replace
from decimal import ROUND_FLOOR, Decimal
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from dsc_channel.transmission import transmit
from dsc_common.errors import InvalidInputError
from dsc_common.packet.format import HeadCodec, PacketFormat
from dsc_common.packet.packing import Packet, pack
from dsc_common.radio.link import LinkSettings, ReceivedSignal
from dsc_common.radio.modes import Mode
from dsc_common.retrieval.options import Policy, Ranking, RetrievalOptions
from dsc_common.retrieval.results import RankedResults
from dsc_server.index.catalogue import CatalogueImage
from dsc_server.index.semantic_index import SemanticIndex
from dsc_server.receiving.registry import RECEIVERS, receive
from dsc_server.retrieval import NOT_SEARCHED, retrieve
from helpers.at_its_word import rank_candidates
from helpers.bpsk import bpsk_modulate
from helpers.clusters import N, index_of, packed, queries
from helpers.examples import random_index

FMT = PacketFormat(num_partitions=6, head_labels=3, num_subvectors=4)
SIZES = [5, 0, 7, 0, 0, 40]
HARD = RetrievalOptions(receiver="hard")


def index() -> SemanticIndex:
    return random_index(np.random.default_rng(0), SIZES, FMT, 2)


def catalogue(index: SemanticIndex) -> list[CatalogueImage]:
    labels = np.zeros(index.num_images, dtype=np.int64)
    labels[index.images] = np.repeat(np.arange(len(SIZES)), SIZES)
    return [CatalogueImage(f"id {i}", f"file:///{i}", int(label)) for i, label in enumerate(labels)]


def codes(labels: list[int] | None = None) -> NDArray[np.uint8]:
    """Words that the partitions have; an empty one has none, and sends zeros."""
    numbers = np.arange(12, dtype=np.uint8).reshape(3, 4)
    return np.array([numbers[t] % max(SIZES[label], 1) for t, label in enumerate(labels or [5, 5, 5])])


def received(data: bytes, variance: float = 0.01) -> ReceivedSignal:
    return ReceivedSignal(Mode.BPSK, bpsk_modulate(data).astype(np.float32), variance)


def clean(labels: list[int]) -> ReceivedSignal:
    return received(pack(Packet(np.array(labels), codes(labels)), FMT))


def noisy(labels: list[int]) -> ReceivedSignal:
    """A packet whose labels need not be those of a head; its check bits are zeros."""
    head = "".join(f"{label:03b}" for label in labels) + "000000" + "0"
    return received(int(head, 2).to_bytes(2) + codes().tobytes())


@pytest.mark.parametrize("ranking", [Ranking.SQUARED_DISTANCE, Ranking.COSINE])
@pytest.mark.parametrize("top", [1, 10, 10_000])
def test_the_best_of_the_candidates_with_their_places(ranking: Ranking, top: int) -> None:
    held = index()
    answer = retrieve(held, catalogue(held), [clean([5, 1, 2])], RetrievalOptions(top, ranking))
    ranked = rank_candidates(held, Packet(np.array([5, 1, 2]), codes([5, 1, 2])), ranking)
    assert len(answer.images) == min(top, 47)
    assert answer.num_candidates == 47
    assert (answer.head, answer.head_trusted, answer.notices) == ([5, 1, 2], True, [])
    for place, image in enumerate(answer.images):
        number = int(ranked.images[place])
        assert image.rank == place + 1
        assert (image.image_id, image.uri) == (f"id {number}", f"file:///{number}")
        assert image.label in (2, 5)
        assert image.label == catalogue(held)[number].label
        assert image.score == float(ranked.scores[place])


@pytest.mark.parametrize("built_for", [Ranking.SQUARED_DISTANCE, Ranking.COSINE])
def test_a_request_without_a_ranking_gets_what_the_index_was_built_for(built_for: Ranking) -> None:
    held = replace(index(), ranking=built_for)
    answer = retrieve(held, catalogue(held), [clean([5, 1, 2])], RetrievalOptions(100))
    asked = retrieve(held, catalogue(held), [clean([5, 1, 2])], RetrievalOptions(100, built_for))
    assert answer.images == asked.images
    other = {Ranking.SQUARED_DISTANCE, Ranking.COSINE} - {built_for}
    assert (
        answer.images
        != retrieve(held, catalogue(held), [clean([5, 1, 2])], RetrievalOptions(100, *other)).images
    )


def test_a_ranking_that_the_index_cannot_give_is_refused() -> None:
    held = index()
    with pytest.raises(
        InvalidInputError, match=r"^expected an index that was built for the ranking estimate$"
    ):
        retrieve(held, catalogue(held), [clean([5, 1, 2])], RetrievalOptions(10, Ranking.ESTIMATE))


def test_an_empty_result_is_a_result_and_says_so() -> None:
    held = index()
    for receiver in RECEIVERS:
        answer = retrieve(held, catalogue(held), [clean([1, 3, 4])], RetrievalOptions(receiver=receiver))
        assert (answer.images, answer.num_candidates, answer.head) == ([], 0, [1, 3, 4])
        # Not that it should be sent again: it would come to the same.
        assert answer.notices == ["no image in the partitions of the labels received: [1, 3, 4]"]


def test_an_empty_database_answers_too() -> None:
    held = random_index(np.random.default_rng(0), [0] * 6, FMT, 2)
    nobody = "no image in the partitions of the labels received: [1, 3, 4]"
    for receiver in RECEIVERS:
        answer = retrieve(held, [], [clean([1, 3, 4])], RetrievalOptions(receiver=receiver))
        assert answer.images == []
        assert answer.notices[-1] == nobody


def test_a_head_with_repeated_and_impossible_labels_is_answered_as_far_as_it_goes() -> None:
    held = index()
    answer = retrieve(held, catalogue(held), [noisy([2, 2, 7])], HARD)
    assert answer.head == [2, 2, 7]
    assert answer.num_candidates == 7
    assert not answer.head_trusted
    assert answer.notices == [
        "the head arrived with errors: its check bits disagree with its labels",
        "2 of the 3 labels received repeat or exceed 5: left out",
        "low confidence (0.00): ask again with --policy resend",
    ]


def test_a_head_of_impossible_labels_gives_an_empty_result() -> None:
    held = index()
    answer = retrieve(held, catalogue(held), [noisy([6, 7, 6])], HARD)
    assert (answer.images, answer.num_candidates) == ([], 0)
    assert len(answer.notices) == 4


def test_noise_alone_is_answered_without_an_error() -> None:
    held, rng = index(), np.random.default_rng(8)
    for _ in range(50):
        samples = rng.standard_normal(8 * FMT.packet_bytes).astype(np.float32)
        answer = retrieve(
            held,
            catalogue(held),
            [ReceivedSignal(Mode.BPSK, samples, 1.0)],
            RetrievalOptions(100, Ranking.COSINE),
        )
        assert len(answer.images) == answer.num_candidates <= sum(SIZES)
        assert all(math.isfinite(image.score) for image in answer.images)
        assert bool(answer.images) or answer.notices


def test_without_check_bits_a_wrong_head_goes_unnoticed() -> None:
    fmt = PacketFormat(num_partitions=6, head_labels=3, num_subvectors=4, head_codec=HeadCodec.ZERO)
    held = random_index(np.random.default_rng(0), SIZES, fmt, 2)
    data = bytearray(pack(Packet(np.array([5, 1, 2]), codes()), fmt))
    data[0] ^= 0b00100000  # 5 becomes 4
    answer = retrieve(held, catalogue(held), [received(bytes(data))], HARD)
    assert (answer.head, answer.head_trusted) == ([4, 1, 2], True)


@pytest.mark.parametrize("name", ["best", "Joint", "hard,joint"])
def test_an_unknown_receiver_is_refused_in_one_line(name: str) -> None:
    held = index()
    line = f"^unknown receiver '{name}'; expected one of hard, list, soft, joint, default$"
    with pytest.raises(InvalidInputError, match=line):
        retrieve(held, catalogue(held), [clean([5, 1, 2])], RetrievalOptions(receiver=name))


@pytest.mark.parametrize(("asked", "used"), [(None, "joint"), ("default", "joint"), ("soft", "soft")])
def test_an_answer_names_its_receiver(asked: str | None, used: str) -> None:
    held = index()
    answer = retrieve(held, catalogue(held), [clean([5, 1, 2])], RetrievalOptions(receiver=asked))
    assert (answer.receiver, answer.head_errors_corrected, answer.estimate_dim) == (used, 0, 0)


def ask(scheme: str, number: int, snr_db: float, count: int = 1, **options: Any) -> RankedResults:
    """The answer to a query that was sent `count` times."""
    held, query = index_of(scheme), queries(10)[0][number]
    named = [CatalogueImage(str(i), f"file:///{i}", 0) for i in range(N)]
    link, data = LinkSettings(snr_db=snr_db), packed(held, scheme, query)
    signals = [transmit(data, held.format, link, f"query {number}", attempt) for attempt in range(count)]
    return retrieve(held, named, signals, RetrievalOptions(N, **options))


SENT = ["dsc+M=8", "dsc-pq", "dsc-pq+scrambled", "duc-pq+M=8", "duc-ivf-pq+K=12"]


@pytest.mark.parametrize("scheme", SENT)
def test_confidence_falls_with_noise_and_rises_with_what_arrives(scheme: str) -> None:
    def confidence(snr_db: float, count: int = 1) -> float:
        found = [ask(scheme, number, snr_db, count).confidence for number in range(10)]
        assert all(0 <= one <= 1 for one in found)
        return float(np.mean(found))

    falling = [confidence(snr_db) for snr_db in (math.inf, 4.0, 0.0, -4.0)]
    # Without noise one code is all that there is to know; several, each rounded, never quite agree.
    assert falling[0] > (0.85 if index_of(scheme).format.num_codes > 1 else 0.999)
    assert (np.diff(falling) < -0.02).all()
    # Four transmissions have four times the SNR: as much as 6 dB more.
    combined = confidence(-6.0, 4)
    assert combined > confidence(-6.0) + 0.05
    assert combined == pytest.approx(confidence(0.0), abs=0.12)


def shown(confidence: float) -> str:
    """Two decimals that are not above the confidence: 0.497 is not 0.50, the threshold."""
    return str(Decimal(confidence).quantize(Decimal("0.01"), ROUND_FLOOR))


@pytest.mark.parametrize("receiver", RECEIVERS)
def test_low_confidence_is_told_by_the_threshold(receiver: str) -> None:
    for number in range(10):
        answer = ask("dsc+M=8", number, -8.0, receiver=receiver, confidence_threshold=1.0)
        told = [notice for notice in answer.notices if "low confidence" in notice]
        assert answer.low_confidence == (answer.confidence < 1)
        assert (
            told
            == [f"low confidence ({shown(answer.confidence)}): ask again with --policy resend"]
            * answer.low_confidence
        )
        calm = ask("dsc+M=8", number, -8.0, receiver=receiver, confidence_threshold=0.0)
        assert not calm.low_confidence
        assert calm.images == answer.images
        assert [notice for notice in calm.notices if "confidence" in notice] == []
        usual = ask("dsc+M=8", number, -8.0, receiver=receiver)
        assert usual.low_confidence == (usual.confidence < 0.5)


def test_exhaustive_search_ranks_every_image_where_confidence_is_low() -> None:
    scheme = "dsc+M=8+probes=0"
    answer = ask(scheme, 0, 5.0, confidence_threshold=1.0, policy=Policy.EXHAUSTIVE)
    assert answer.low_confidence
    assert answer.num_candidates == len(answer.images) == N
    assert sorted(int(image.image_id) for image in answer.images) == list(range(N))
    done = "the whole database was searched"
    assert f"low confidence ({shown(answer.confidence)}): {done}" in answer.notices
    for policy, threshold in ((Policy.RETURN, 1.0), (Policy.RESEND, 1.0), (Policy.EXHAUSTIVE, 0.0)):
        some = ask(scheme, 0, 5.0, confidence_threshold=threshold, policy=policy)
        assert some.num_candidates < N
    by_codes = ask("dsc-pq", 0, 5.0, confidence_threshold=1.0, policy=Policy.EXHAUSTIVE)
    assert by_codes.num_candidates < N  # codes of other partitions cannot be compared
    assert (
        f"low confidence ({shown(by_codes.confidence)}): ask again with --policy resend" in by_codes.notices
    )
    assert NOT_SEARCHED in by_codes.notices
    assert NOT_SEARCHED not in answer.notices


@pytest.mark.parametrize(
    ("snr_db", "count", "policy", "said"),
    [
        (5.0, 1, Policy.RETURN, ": ask again with --policy resend"),
        (5.0, 1, Policy.RESEND, " after 1 transmission"),
        (5.0, 3, Policy.RESEND, " after 3 transmissions"),
        (
            math.inf,
            1,
            Policy.RETURN,
            ": the packet arrived without noise, so that sending it again would not help",
        ),
    ],
)
def test_a_notice_advises_to_send_again_only_where_that_can_help(
    snr_db: float, count: int, policy: Policy, said: str
) -> None:
    answer = ask("duc-ivf-pq+K=12", 0, snr_db, count, confidence_threshold=1.0, policy=policy)
    assert answer.low_confidence
    assert f"low confidence ({shown(answer.confidence)}){said}" in answer.notices


@pytest.mark.parametrize("receiver", ["hard", "list"])
@pytest.mark.parametrize("scheme", ["duc-pq+M=8", "exhaustive"])
def test_hard_decisions_without_check_bits_claim_the_cosine_that_they_have(
    scheme: str, receiver: str
) -> None:
    held = index_of(scheme)
    for snr_db, tolerance in ((math.inf, 1e-6), (6.0, 0.15), (0.0, 0.15), (-10.0, 0.15)):
        claimed, cosines = [], []
        for number, query in enumerate(queries(20)[0]):
            data = packed(held, scheme, query)
            signal = transmit(data, held.format, LinkSettings(snr_db=snr_db), f"query {number}")
            sent = receive(
                held.summary, [transmit(data, held.format, LinkSettings(snr_db=math.inf), "")], "hard"
            )
            decoded = receive(held.summary, [signal], receiver)
            claimed.append(decoded.confidence)
            lengths = np.linalg.norm(sent.q) * np.linalg.norm(decoded.q)
            cosines.append(float(sent.q @ decoded.q) / max(float(lengths), 1e-12))
        assert np.mean(claimed) == pytest.approx(max(0.0, np.mean(cosines)), abs=tolerance)
