"""A query's whole answer: ranks, notices, and empty results that say so."""

import math
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.examples import random_index

from dsc_common.errors import InvalidInputError
from dsc_common.link import ReceivedSignal
from dsc_common.modulation import Mode, bpsk_modulate
from dsc_common.packet import HeadCodec, Packet, PacketFormat, pack
from dsc_common.results import Ranking, RetrievalOptions
from dsc_server.catalogue import CatalogueImage
from dsc_server.ranking import rank_candidates
from dsc_server.receiver import RECEIVERS
from dsc_server.retrieval import retrieve
from dsc_server.semantic_index import SemanticIndex

FMT = PacketFormat(num_labels=6, head_labels=3, num_subvectors=4)
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
    assert (answer.head, answer.head_check_ok, answer.notices) == ([5, 1, 2], True, [])
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
    with pytest.raises(InvalidInputError, match=r"^expected an index that was built for the ranking fused$"):
        retrieve(held, catalogue(held), [clean([5, 1, 2])], RetrievalOptions(10, Ranking.FUSED))


def test_an_empty_result_is_a_result_and_says_so() -> None:
    held = index()
    answer = retrieve(held, catalogue(held), [clean([1, 3, 4])], RetrievalOptions())
    assert (answer.images, answer.num_candidates, answer.head) == ([], 0, [1, 3, 4])
    resend = "low confidence (0.00): resend"  # codes of empty partitions say nothing
    assert answer.notices == [resend, "no image in the partitions of the labels received: [1, 3, 4]"]
    hard = retrieve(held, catalogue(held), [clean([1, 3, 4])], RetrievalOptions(receiver="hard"))
    assert (hard.images, hard.num_candidates, hard.head) == ([], 0, [1, 3, 4])
    assert hard.notices == ["no image in the partitions of the labels received: [1, 3, 4]"]


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
    assert not answer.head_check_ok
    assert answer.notices == [
        "the head arrived with errors: its check bits disagree with its labels",
        "2 of the 3 labels received repeat or exceed 5: left out",
        "low confidence (0.00): resend",
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
    fmt = PacketFormat(num_labels=6, head_labels=3, num_subvectors=4, head_codec=HeadCodec.ZERO)
    held = random_index(np.random.default_rng(0), SIZES, fmt, 2)
    data = bytearray(pack(Packet(np.array([5, 1, 2]), codes()), fmt))
    data[0] ^= 0b00100000  # 5 becomes 4
    answer = retrieve(held, catalogue(held), [received(bytes(data))], HARD)
    assert (answer.head, answer.head_check_ok) == ([4, 1, 2], True)
