"""A query by photo or by extraction: what goes to the channel, what the answer holds, what is timed."""

import hashlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dsc_common.codebook.manifest import Manifest
from dsc_common.errors import InvalidImageError, InvalidInputError, UnknownCodebookError
from dsc_common.features import images
from dsc_common.features.extraction import Extraction
from dsc_common.radio.link import LinkChoice, LinkReport
from dsc_common.radio.modes import Mode
from dsc_common.retrieval.options import RetrievalOptions
from dsc_common.retrieval.results import RankedResults
from dsc_device import querying
from dsc_device.encoder_kit import EncoderKit
from dsc_device.querying import Querier, request_id_of

RESULTS = RankedResults([], 5, [1], True, server_ms=1.5)
BY_STEP = ("extract", "encode", "round_trip", "server")
REPORT = LinkReport(Mode.BPSK, 5.0, 0, 168, 168.0, 0, True)


class Channel:
    """Answers each packet alike and remembers the calls; `held` is the version of the server behind it."""

    held: str | None = None

    def __init__(self) -> None:
        self.calls: list[tuple[bytes, str, int, LinkChoice, RetrievalOptions]] = []

    def transmit(
        self,
        data: bytes,
        manifest: Manifest,
        request_id: str,
        sequence: int,
        link: LinkChoice,
        options: RetrievalOptions,
    ) -> tuple[RankedResults, LinkReport]:
        self.calls.append((data, request_id, sequence, link, options))
        if self.held not in (None, manifest.codebook_version):
            raise UnknownCodebookError(f"{manifest.codebook_version} is not held here")
        return RESULTS, REPORT


@pytest.fixture
def photo(photos: Path) -> Path:
    return photos / "even" / "00.png"


def test_a_photo_is_sent_as_its_packet(kit: EncoderKit, photo: Path) -> None:
    channel = Channel()
    answer = Querier(kit, channel).query(photo)  # type: ignore[arg-type]
    packet = kit.encode(photo)
    request_id = hashlib.sha256(photo.read_bytes()).hexdigest()[:16]
    assert channel.calls == [(packet.data, request_id, 0, LinkChoice(), RetrievalOptions())]
    assert (answer.query, answer.packet, answer.payload) == (str(photo), packet.data, "codes")
    assert (answer.head, answer.head_labels) == (packet.head, packet.head_labels)
    assert (answer.results, answer.link) == (RESULTS, REPORT)
    assert list(answer.timings_ms) == [*BY_STEP, "decode", "resize", "network", "hash"]
    assert answer.timings_ms["server"] == 1.5


def test_an_extraction_is_sent_as_the_photo_is_but_for_its_id(kit: EncoderKit, photo: Path) -> None:
    channel, extraction = Channel(), kit.extractor.extract(photo)
    querier = Querier(kit, channel)  # type: ignore[arg-type]
    by_photo, by_extraction = querier.query(photo, "an id"), querier.query(extraction, "an id")
    assert channel.calls[0][:2] == channel.calls[1][:2]
    assert (by_extraction.query, by_extraction.packet) == ("", by_photo.packet)
    querier.query(extraction)
    querier.query(replace(extraction, probabilities=extraction.probabilities[::-1].copy()))
    assert len({call[1] for call in channel.calls}) == 3


def test_queries_are_numbered_and_choose_for_themselves(kit: EncoderKit, photo: Path) -> None:
    channel = Channel()
    usual, once = LinkChoice(snr_db=3.0), LinkChoice(seed=9)
    few, many = RetrievalOptions(top=2), RetrievalOptions(top=20)
    querier = Querier(kit, channel, usual, few)  # type: ignore[arg-type]
    querier.query(photo, "a")
    querier.query(photo, "b", link=once, options=many)
    querier.query(photo, "c")
    assert [call[1:] for call in channel.calls] == [
        ("a", 0, usual, few),
        ("b", 1, once, many),
        ("c", 2, usual, few),
    ]


def test_the_id_of_an_extraction_is_a_hash_of_its_numbers() -> None:
    extraction = Extraction(np.array([1.0], dtype=np.float32), np.array([0.5, -0.0], dtype=np.float32))
    expected = hashlib.sha256(bytes.fromhex("0000803f0000003f00000080")).hexdigest()[:16]
    assert request_id_of(extraction) == expected


def test_a_photo_that_cannot_be_read_is_an_error_and_not_a_packet(kit: EncoderKit, tmp_path: Path) -> None:
    channel = Channel()
    with pytest.raises(InvalidImageError, match="cannot read"):
        Querier(kit, channel).query(tmp_path / "absent.jpg")  # type: ignore[arg-type]
    assert channel.calls == []


def test_each_step_has_its_time(kit: EncoderKit, photo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Decoding is what reading a photo takes without scaling it; hashing it is no part of its extraction."""
    now = [0.0]

    def takes(seconds: float, function: Callable[..., Any]) -> Callable[..., Any]:
        def slow(*args: Any) -> Any:
            now[0] += seconds
            return function(*args)

        return slow

    monkeypatch.setattr(querying.time, "perf_counter", lambda: now[0])
    monkeypatch.setattr(querying, "request_id_of", takes(100.0, request_id_of))
    monkeypatch.setattr(images, "orientation_of", takes(1.0, images.orientation_of))
    monkeypatch.setattr(images, "_to_array", takes(20.0, images._to_array))
    monkeypatch.setattr(kit.extractor, "_session", Slow(kit.extractor._session, takes))  # type: ignore[union-attr]
    querier = Querier(kit, Channel())  # type: ignore[arg-type]
    sent = {"encode": 0.0, "round_trip": 0.0, "server": 1.5}
    of_photo = {"decode": 1e3, "resize": 20e3, "network": 300e3}
    assert querier.query(photo).timings_ms == {"extract": 321e3, "hash": 100e3, **of_photo, **sent}
    assert querier.query(photo, "an id").timings_ms == {"extract": 321e3, **of_photo, **sent}
    extraction = kit.extractor.extract(photo)  # type: ignore[union-attr]
    assert querier.query(extraction, "an id").timings_ms == {"extract": 0.0, **sent}


class Slow:
    """A network that takes 300 seconds."""

    def __init__(self, session: Any, takes: Callable[..., Any]) -> None:
        self.run = takes(300.0, session.run)


def test_a_new_index_of_the_server_is_used_from_then_on(kit: EncoderKit, photo: Path) -> None:
    channel, renewed = Channel(), []
    newer = replace(kit, manifest=replace(kit.manifest, codebook_version="newer"))

    def renew() -> EncoderKit:
        renewed.append(newer)
        return newer

    querier = Querier(kit, channel, renew=renew)  # type: ignore[arg-type]
    querier.query(photo, "a")
    channel.held = "newer"
    querier.query(photo, "b")
    querier.query(photo, "c")
    assert [call[1:3] for call in channel.calls] == [("a", 0), ("b", 1), ("b", 1), ("c", 2)]
    assert renewed == [newer]


def test_a_server_that_refuses_what_it_offers_is_not_asked_forever(kit: EncoderKit, photo: Path) -> None:
    channel = Channel()
    channel.held = "another"
    lines: list[str] = []
    with pytest.raises(UnknownCodebookError, match="is not held here; the channel leads to another server"):
        Querier(kit, channel, renew=lambda: kit, say=lines.append).query(photo)  # type: ignore[arg-type]
    assert lines == []
    with pytest.raises(UnknownCodebookError):
        Querier(kit, channel).query(photo)  # type: ignore[arg-type]
    assert len(channel.calls) == 2


@pytest.mark.parametrize("request_id", ["\udcff", "x" * 1025])
def test_a_request_id_that_no_message_can_carry_is_refused(
    request_id: str, kit: EncoderKit, photo: Path
) -> None:
    with pytest.raises(InvalidInputError, match="expected a request id of"):
        Querier(kit, Channel()).query(photo, request_id)  # type: ignore[arg-type]


def test_a_path_with_a_nul_is_a_photo_that_cannot_be_read(kit: EncoderKit) -> None:
    with pytest.raises(InvalidImageError, match=r"^cannot read a\0b: embedded null byte$"):
        Querier(kit, Channel()).query(Path("a\0b"))  # type: ignore[arg-type]
