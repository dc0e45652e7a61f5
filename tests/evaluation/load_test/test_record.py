"""JSON of load tests and soak tests, and the reports that are made of it."""

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from dsc_common.errors import InvalidInputError
from dsc_eval.load.calling import Method
from dsc_eval.load.open_report import KindReport
from dsc_eval.load.report import LoadReport
from dsc_eval.load_test.html import write_report
from dsc_eval.load_test.ramp import Ramp
from dsc_eval.load_test.record import (
    CallResult,
    Conditions,
    Finding,
    LoadTest,
    Part,
    Soak,
    Track,
    read_record,
    write_record,
)
from dsc_eval.load_test.settings import LoadTestSettings, SoakSettings
from dsc_eval.load_test.step import Bound, Step, Verdict
from dsc_eval.load_test.uses import OTHERS, ProcessUse
from helpers.load_reports import a_report

EVIL = "<script>alert('&')</script>"


def _conditions(settings: LoadTestSettings | SoakSettings) -> Conditions:
    given = {**settings.model_dump(mode="json"), "seed": EVIL}
    return Conditions(given, {"5 dB": 2.0, EVIL: 1.0}, EVIL, 63, other_cores=None)


def _load_test() -> LoadTest:
    uses = {"server": ProcessUse(0.9, 0.2, (0, 1)), OTHERS: ProcessUse(0.1, 0.0, ())}
    kinds = (KindReport("5 dB", 600, 600, 4.0, 9.0), KindReport(EVIL, 400, 399, None, None))
    held = Step(a_report(100.0, 9.0, kinds=kinds), Verdict.HELD, "p99 9.0 ms", uses)
    refused = {"OK": 700, "RESOURCE_EXHAUSTED": 300}
    failed = Step(
        a_report(200.0, 80.0, statuses=refused, errors=300, error_p50_ms=1.0, error_p99_ms=2.5),
        Verdict.FAILED,
        EVIL,
        uses,
    )
    ceiling = LoadReport(16, 3.0, 9000, 3000.0, 5.0, 7.0, 9.0, 12.0, 0, {"OK": 9000}, 0.3, 0.7, 12000)
    ramp = Ramp(100.0, 200.0, False, [held, failed, failed])
    nothing = Ramp(None, 0.6, True, [Step(a_report(0.6, None), Verdict.GENERATOR, "late")])
    calls = [
        CallResult(Method.RETRIEVE, ramp, EVIL, failed),
        CallResult(Method.TRANSMIT, nothing, "the generator"),
    ]
    return LoadTest(Bound(50.0), _conditions(LoadTestSettings()), [Part(EVIL, [ceiling], calls)])


def _soak() -> Soak:
    track = Track([0.0, 1.0, 2.0, 3.0], [100.0, 101.5, 101.5, 101.5], [14, 22, 22, 22])
    findings = [Finding("errors", False, EVIL), Finding(f"memory of the {EVIL}", True, "flat")]
    return Soak(
        50.0,
        Method.TRANSMIT,
        _conditions(SoakSettings()),
        Ramp(100.0, None, False, [Step(a_report(100.0), Verdict.HELD, "")]),
        [a_report(50.0), a_report(50.0, None)],
        {"server": track, EVIL: Track([], [], [])},
        findings,
    )


RECORDS = {"load-test": _load_test, "soak": _soak}


class _Page(HTMLParser):
    """Tags of a page, addresses, and texts."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.addresses: list[str] = []
        self.open: list[str] = []
        self.words = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if tag not in ("img", "meta", "br"):
            self.open.append(tag)
        self.addresses += [value or "" for name, value in attrs if name in ("src", "href")]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words += data


@pytest.mark.parametrize("kind", RECORDS)
def test_json_round_trip(kind: str, tmp_path: Path) -> None:
    record: Any = RECORDS[kind]()
    file = tmp_path / "report.json"
    write_record(file, record)
    assert json.loads(file.read_text())["kind"] == kind
    assert read_record(file) == record


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Path]]:
    """The report of each record, and its figures."""
    places = {kind: tmp_path_factory.mktemp(kind) / "out" / "report.html" for kind in RECORDS}
    return {kind: list(write_report(place, RECORDS[kind]())) for kind, place in places.items()}


@pytest.mark.parametrize("kind", RECORDS)
def test_a_report_is_one_file_with_everything_escaped(kind: str, reports: dict[str, list[Path]]) -> None:
    html, *figures = reports[kind]
    text = html.read_text()
    page = _Page(text)
    assert page.open == []
    assert "script" not in page.tags
    assert EVIL in page.words
    assert page.tags.count("img") == len(figures) // 2 == len(page.addresses)
    assert all(address.startswith("data:image/svg+xml;base64,") for address in page.addresses)
    assert not re.search(r"url\(|@import", text)
    assert all(figure.parent == html.parent and figure.stat().st_size > 1000 for figure in figures)


def test_a_load_test_shows_its_limits_and_how_overload_was_refused(reports: dict[str, list[Path]]) -> None:
    html, *_ = reports["load-test"]
    words = " ".join(_Page(html.read_text()).words.split())
    assert "100.0 requests/s held, 200.0 did not." in words
    assert "no rate held" in words
    assert "Overload: 200.0 requests/s" in words
    assert "300 of 1,000 were refused or failed, half of them within 1.0 ms" in words
    assert "5 dB × 2" in words
    assert "OK 700, RESOURCE_EXHAUSTED 300" in words


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("{", "expected the JSON file of a load test"),
        ("[]", "expected the JSON file of a load test"),
        ('{"kind": "bench"}', "expected the JSON file of a load test"),
        ('{"kind": "soak"}', r"per_second: Field required"),
        (None, "cannot read .*No such file"),
    ],
)
def test_other_files_are_refused(text: str | None, line: str, tmp_path: Path) -> None:
    file = tmp_path / "report.json"
    if text is not None:
        file.write_text(text)
    with pytest.raises(InvalidInputError, match=line):
        read_record(file)


def test_the_committed_record_is_read_and_written_as_it_is(tmp_path: Path) -> None:
    committed = Path(__file__).parents[3] / "results" / "load" / "report.json"
    record = read_record(committed)
    assert isinstance(record, LoadTest)
    assert all(result.ramp.held is not None for part in record.parts for result in part.calls)
    write_record(tmp_path / "again.json", record)
    assert json.loads((tmp_path / "again.json").read_text()) == json.loads(committed.read_text())
