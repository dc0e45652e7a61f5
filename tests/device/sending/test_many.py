"""Many photos at once: each is queued once and answered once, in their order."""

import json
import os
import threading
from pathlib import Path
from typing import Any

import pytest

from dsc_common.features.extractor import Extractor
from dsc_common.radio.link import LinkChoice, LinkReport
from dsc_common.radio.modes import Mode
from dsc_common.retrieval.options import RetrievalOptions
from dsc_common.retrieval.results import RankedResults
from dsc_device.encoder_kit import EncoderKit
from dsc_device.querying import Answer
from dsc_device.results.results_file import ResultsFile
from dsc_device.results.writing import AnswerWriter
from dsc_device.sending.sender import Sender
from dsc_device.store.queue import QueueLimits
from dsc_device.store.store import open_store
from dsc_device.watching.events import FolderEvents
from dsc_device.watching.folder_watch import FolderWatch
from dsc_device.watching.settling import Settling
from dsc_device.watching.taking import Taker
from helpers.queued import extraction_of

LINK = LinkReport(Mode.BPSK, 5.0, 0, 376, 376.0, 12, True)
ANSWER = Answer("", b"\0", "code", [], [], RankedResults([], 0, [], True), LINK)


class SameForAll:
    """An extractor that does not look."""

    def __init__(self, extractor: Extractor) -> None:
        self.info, self._extraction = extractor.info, extraction_of(0)

    def extract(self, _path: Path) -> Any:
        return self._extraction


class Uplink:
    def __init__(self, kit: EncoderKit) -> None:
        self.kit, self.has_kit = kit, threading.Event()
        self.has_kit.set()

    def connect(self) -> EncoderKit:
        return self.kit

    def query(self, _entry: object) -> Answer:
        return ANSWER


@pytest.mark.parametrize("count", [300, pytest.param(10_000, marks=pytest.mark.slow)])
def test_photos_that_come_all_at_once(count: int, tmp_path: Path, kit: EncoderKit, photos: Path) -> None:
    assert kit.extractor is not None
    folder = tmp_path / "watched"
    folder.mkdir()
    content = (photos / "even" / "00.png").read_bytes()
    for number in range(count):
        path = folder / f"{number:05d}.png"
        path.write_bytes(content + number.to_bytes(4, "little"))
        os.utime(path, ns=(number, number))
    lines: list[str] = []
    with open_store(tmp_path / "state", QueueLimits(), lines.append) as store:
        extractor: Any = SameForAll(kit.extractor)
        taker = Taker(store, lambda: extractor, LinkChoice(), RetrievalOptions(), lines.append)
        events = FolderEvents(True, lines.append, enabled=False)
        settling = Settling(writes=lambda _path: False)
        watch = FolderWatch([folder], store, taker, settling, events, lines.append)
        watch.scan()
        watch.take_due()
        assert store.counts()["queued"] == count
        watch.scan()
        assert len(settling) == 0
        uplink: Any = Uplink(kit)
        accepted = AnswerWriter(store, ResultsFile(tmp_path / "results.jsonl"))
        sender = Sender(store, accepted, uplink, lines.append)
        sender._fitting = lambda _number, entry, _kit: entry  # type: ignore[method-assign]
        assert sender.send_all() == 0
        assert store.counts()["queued_bytes"] == 0
    names = [json.loads(line)["query"] for line in (tmp_path / "results.jsonl").open()]
    assert [Path(name).name for name in names] == [f"{number:05d}.png" for number in range(count)]
    assert lines == []
