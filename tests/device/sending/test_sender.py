"""The sender: order, failures that pass, refusals, other networks, and each answer once."""

import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from dsc_common.codebook.manifest import AcceptedModel, Artifact, ArtifactKind
from dsc_common.errors import (
    DamagedIndexError,
    DeadlineError,
    DscError,
    InvalidInputError,
    OverloadedError,
    SettingError,
    UnauthenticatedError,
    UnknownCodebookError,
    UnreachableError,
)
from dsc_common.features.feature_cache import content_of
from dsc_common.radio.link import LinkReport
from dsc_common.radio.modes import Mode
from dsc_common.retrieval.results import RankedResults
from dsc_device.encoder_kit import EncoderKit
from dsc_device.querying import Answer
from dsc_device.results.results_file import ResultsFile
from dsc_device.results.writing import AnswerWriter
from dsc_device.sending.sender import MAX_ATTEMPTS, Sender
from dsc_device.store.entry import Entry, halved
from dsc_device.store.queue import QueueLimits
from dsc_device.store.store import Store, open_store
from helpers.queued import MODEL, entry_of

LINK = LinkReport(Mode.BPSK, 5.0, 0, 376, 376.0, 12, True)


class Uplink:
    """A link whose calls fail as planned, in their order; None is an answer."""

    def __init__(self, kit: EncoderKit) -> None:
        self.kit = replace(kit, manifest=accepting(kit, MODEL))
        self.has_kit = threading.Event()
        self.has_kit.set()
        self.failures: list[Exception | None] = []
        self.down: list[Exception] = []
        self.sent: list[Entry] = []
        self.renewed = 0

    def connect(self) -> EncoderKit:
        if self.down:
            raise self.down.pop(0)
        return self.kit

    def query(self, entry: Entry) -> Answer:
        self.sent.append(entry)
        if self.failures and (failure := self.failures.pop(0)) is not None:
            raise failure
        return Answer("", b"\0", "code", [], [], RankedResults([], 0, [], True), LINK)

    def renew(self, _error: UnknownCodebookError) -> None:
        self.renewed += 1


def accepting(kit: EncoderKit, *models: str) -> Any:
    first, *others = (Artifact(1, model) for model in models)
    more = tuple(AcceptedModel(f"{number}", file) for number, file in enumerate(others))
    return replace(kit.manifest, artifacts={ArtifactKind.MODEL: first}, models=more)


class Bench:
    """A sender with what it works on."""

    def __init__(self, store: Store, uplink: Uplink, path: Path) -> None:
        self.store, self.uplink, self.path = store, uplink, path
        self.lines: list[str] = []
        writer = AnswerWriter(store, ResultsFile(path))
        self.sender = Sender(store, writer, uplink, self.lines.append)  # type: ignore[arg-type]

    @property
    def results(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.path.read_text().splitlines()] if self.path.exists() else []

    @property
    def answered(self) -> list[str]:
        return [line["query"] for line in self.results if "error" not in line]


@pytest.fixture
def bench(kit: EncoderKit, tmp_path: Path) -> Iterator[Bench]:
    with open_store(tmp_path / "state", QueueLimits(), print) as store:
        yield Bench(store, Uplink(kit), tmp_path / "results.jsonl")


def test_queries_are_sent_oldest_first_as_they_were_queued(bench: Bench) -> None:
    for name in "cab":
        bench.store.add(entry_of(name))
    assert bench.sender.send_all() == 0
    assert bench.answered == ["c", "a", "b"]
    first = bench.uplink.sent[0]
    assert first.extraction.feature.tobytes() == halved(entry_of("c").extraction).feature.tobytes()
    assert bench.results[0]["request_id"] == first.request_id == entry_of("c").content.hex()[:16]
    assert bench.results[0]["captured"] == "2001-09-09T01:46:40+00:00"
    assert bench.store.counts()["answered"] == 3
    assert not bench.sender.step()


@pytest.mark.parametrize(
    "error",
    [
        UnreachableError("away"),
        DeadlineError("late"),
        OverloadedError("busy"),
        UnauthenticatedError("no token"),
        DamagedIndexError("damaged"),
        OSError(28, "No space left on device"),
    ],
)
def test_a_failure_of_the_link_leaves_the_query_where_it_is(error: Exception, bench: Bench) -> None:
    for name in "ab":
        bench.store.add(entry_of(name))
    bench.uplink.failures = [error] * (MAX_ATTEMPTS + 2)
    for _ in range(MAX_ATTEMPTS + 2):
        with pytest.raises(type(error)):
            bench.sender.step()
    assert bench.results == []
    bench.sender.send_all()
    assert bench.answered == ["a", "b"]


def test_a_link_that_goes_and_comes_is_said_once_each(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.store.add(entry_of("a"))
    bench.uplink.down = [UnreachableError("away")] * 3
    stopping = threading.Event()
    pauses: list[float] = []
    monkeypatch.setattr(stopping, "wait", pauses.append)
    monkeypatch.setattr(bench.sender.wake, "wait", lambda _s: stopping.set())
    bench.sender.run(stopping)
    assert bench.answered == ["a"]
    assert len(pauses) == 3
    assert sorted(pauses) == pauses
    assert bench.lines == [
        "note: no answers for now: away; in the queue: 1",
        "note: queries are answered again",
    ]


def test_a_service_that_names_a_time_is_left_alone_for_it(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.store.add(entry_of("a"))
    bench.uplink.failures = [OverloadedError("busy", 42.0)]
    stopping = threading.Event()
    pauses: list[float] = []
    monkeypatch.setattr(stopping, "wait", pauses.append)
    monkeypatch.setattr(bench.sender.wake, "wait", lambda _s: stopping.set())
    bench.sender.run(stopping)
    assert pauses == [42.0]


def test_a_refusal_is_a_line_of_the_results_and_not_sent_again(bench: Bench) -> None:
    for name in "ab":
        bench.store.add(entry_of(name))
    bench.uplink.failures = [InvalidInputError("expected a receiver, got a horse")]
    assert bench.sender.send_all() == 1
    refused, answered = bench.results
    assert refused == {
        "query": "a",
        "request_id": entry_of("a").content.hex()[:16],
        "captured": "2001-09-09T01:46:40+00:00",
        "error": "expected a receiver, got a horse",
    }
    assert answered["query"] == "b"
    assert len(bench.uplink.sent) == 2


def test_a_query_that_breaks_its_service_does_not_hold_the_others_for_ever(bench: Bench) -> None:
    for name in "ab":
        bench.store.add(entry_of(name))
    bench.uplink.failures = [DscError("channel failed (INTERNAL)")] * MAX_ATTEMPTS
    for _ in range(MAX_ATTEMPTS - 1):
        with pytest.raises(DscError, match="INTERNAL"):
            bench.sender.step()
    assert bench.results == []
    assert bench.sender.send_all() == 1
    assert [("error" in line, line["query"]) for line in bench.results] == [(True, "a"), (False, "b")]


def test_a_wrong_setting_ends_the_sender(bench: Bench) -> None:
    bench.uplink.has_kit.clear()
    bench.uplink.down = [SettingError("the token would be sent in the clear")]
    with pytest.raises(SettingError):
        bench.sender.run(threading.Event())


def test_a_new_codebook_costs_nothing(bench: Bench) -> None:
    bench.store.add(entry_of("a"))
    bench.uplink.failures = [UnknownCodebookError("old")]
    bench.sender.send_all()
    assert (bench.uplink.renewed, bench.answered) == (1, ["a"])
    one, other = bench.uplink.sent
    assert one.extraction.feature.tobytes() == other.extraction.feature.tobytes()


def test_any_network_that_the_index_accepts_will_do(bench: Bench, kit: EncoderKit) -> None:
    bench.uplink.kit = replace(kit, manifest=accepting(kit, "cd" * 32, MODEL))
    bench.store.add(entry_of("a"))
    bench.sender.send_all()
    assert bench.uplink.sent[0].model == MODEL


def test_a_photo_is_extracted_again_for_another_network(bench: Bench, kit: EncoderKit, photos: Path) -> None:
    assert kit.extractor is not None
    new = kit.extractor.info.sha256
    bench.uplink.kit = replace(kit, manifest=accepting(kit, new))
    path = photos / "even" / "00.png"
    bench.store.add(replace(entry_of("a", path=path), content=content_of(path)))
    bench.uplink.failures = [UnreachableError("away")]
    with pytest.raises(UnreachableError):
        bench.sender.step()
    waiting = bench.store.oldest()
    assert waiting is not None
    assert waiting.entry is not None
    assert waiting.entry.model == new
    bench.sender.send_all()
    expected = halved(kit.extractor.extract(path))
    for entry in bench.uplink.sent:
        assert entry.extraction.feature.tobytes() == expected.feature.tobytes()
    assert bench.answered == ["a"]


@pytest.mark.parametrize("what", ["gone", "another", "no path"])
def test_without_its_photo_the_query_is_dropped_and_counted(
    what: str, bench: Bench, kit: EncoderKit, photos: Path
) -> None:
    bench.uplink.kit = replace(kit, manifest=accepting(kit, "cd" * 32))
    paths = {"gone": photos / "absent.png", "another": photos / "even" / "00.png", "no path": None}
    bench.store.add(entry_of("a", path=paths[what]))
    assert bench.sender.send_all() == 1  # without an answer
    assert bench.results == []
    assert bench.store.counts()["dropped_model"] == 1
    assert bench.lines == [
        "error: a is dropped: the index does not accept the network that extracted it, "
        "and the photo is not there any more"
    ]


def test_rows_of_a_feature_file_need_no_network(bench: Bench, kit: EncoderKit) -> None:
    bench.uplink.kit = replace(kit, manifest=replace(kit.manifest, artifacts={}))
    bench.store.add(replace(entry_of("row", "an id"), model=""))
    bench.sender.send_all()
    assert bench.answered == ["row"]
