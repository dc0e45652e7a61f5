"""`dsc-eval load-test`, `soak` and `load-report`: with processes that run already, and with new ones."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from dsc_common.errors import DscError, SettingError
from dsc_eval.load_test.record import LoadTest, Soak, read_record
from dsc_eval.main import app
from helpers.real_processes import Running, System

SHORT = (
    *("--answers", "5", "--step-s", "0.3", "--max-step-s", "0.3", "--warm-up-s", "0", "--p99-ms", "60000"),
    *("--start-per-second", "20", "--most-per-second", "40", "--connections", "2"),
)


def _run(*arguments: str | Path) -> Any:
    result = CliRunner().invoke(app, [*map(str, arguments)])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


@pytest.fixture
def places(running: Running, cache: Path) -> tuple[str | Path, ...]:
    return ("--server", running.server.address, "--channel", running.channel.address, "--cache", cache)


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DSC_DEVICE_SERVER", "DSC_DEVICE_CHANNEL"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.slow
def test_a_load_test_of_services_that_run(
    places: tuple[str | Path, ...], running: Running, system: System, tmp_path: Path
) -> None:
    photos = system.queries[0].parent
    mix = ("--snr-db", "5:3,inf", "--receivers", "joint")
    _run("load-test", photos, *places, *SHORT, *mix, "--out", tmp_path, "--overload")
    record = read_record(tmp_path / "report.json")
    assert isinstance(record, LoadTest)
    (part,) = record.parts
    assert part.name == running.server.address
    assert [report.answered > 0 for report in part.ceiling] == [True, True]
    assert [result.call for result in part.calls] == ["retrieve", "transmit"]
    for result in part.calls:
        assert [step.report.rate for step in result.ramp.steps] == [20, 32]
        assert (result.ramp.held, result.ramp.failed) == (32, None)
        assert result.overload is not None
        assert result.overload.report.rate == 64
        for step in (*result.ramp.steps, result.overload):
            made = step.report
            assert made.statuses == ({"OK": made.offered} if made.offered else {})
            assert {kind.name for kind in made.kinds} == {"5 dB, joint", "no noise, joint"}
            assert sum(kind.answered for kind in made.kinds) == made.answered
            assert {"server", "channel", "generator"} <= set(step.uses)  # found by their ports
    assert record.conditions.mix == {"5 dB, joint": 3, "no noise, joint": 1}
    html = tmp_path / "report.html"
    before = html.read_bytes()
    html.unlink()
    _run("load-report", tmp_path / "report.json")
    assert html.read_bytes() == before


@pytest.mark.slow
def test_services_are_started_on_photos_of_a_ground_truth(system: System, tmp_path: Path) -> None:
    truth = tmp_path / "truth.json"
    queries = [
        {"image": str(query), "positives": [f"{query.stem}-0.png", f"{query.stem}-1.png"]}
        for query in system.queries
    ]
    images = [str(system.photos), str(system.queries[0].parent)]
    for query in queries:
        query["image"] = Path(str(query["image"])).name
    truth.write_text(
        json.dumps({"name": "little", "images": images, "exclude_queries": True, "queries": queries})
    )
    photos = ("--ground-truth", truth, "--model", system.model)
    result = _run(
        "soak", *photos, *SHORT, "--minutes", "0.05", "--segment-s", "1", "--sample-s", "0.1", "--json",
        *("--schemes", "dsc-pq", "--out", tmp_path / "out", "--generators", "2", "--growth-percent", "1000"),
    )  # fmt: skip
    record = read_record(tmp_path / "out" / "soak.json")
    assert isinstance(record, Soak)
    assert json.loads(result.stdout)["kind"] == "soak"
    assert record.limit is not None
    assert record.limit.held == 32
    assert record.per_second == 16
    assert record.conditions.data == f"little, {2 * len(system.queries)} photos"
    assert set(record.tracks) == {"server", "channel"}
    for track in record.tracks.values():
        assert len(track.times_s) > 5
        assert min(track.rss_mib) > 20
        assert min(track.descriptors) > 5
    assert sum(report.offered for report in record.segments) > 10
    assert {report.generators for report in record.segments} == {2}
    assert [finding.name for finding in record.findings if finding.name == "errors" and finding.good]


def test_a_bad_verdict_is_an_error(places: tuple[str | Path, ...], system: System, tmp_path: Path) -> None:
    short = ("--minutes", "0.01", "--per-second", "50", "--out", tmp_path)
    with pytest.raises(DscError, match=r"^errors: (\d+) of \1 requests"):
        _run("soak", system.queries[0], *places, *short, "--receivers", "none")
    assert (tmp_path / "soak.html").exists()


def test_single_rates_in_an_open_loop(places: tuple[str | Path, ...], system: System) -> None:
    rates = ("--per-second", "40,80", "--seconds", "0.5", "--warm-up-s", "0")
    result = _run("load", "transmit", system.queries[0], *places, *rates, "--json")
    reports = json.loads(result.stdout)["reports"]
    assert [report["rate"] for report in reports] == [40, 80]
    assert all(report["answered"] == report["offered"] > 5 for report in reports)
    assert "not_sent" in _run("load", "empty", *places, *rates).stdout


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["load-test", "a.jpg"], "expected --server and --channel with PHOTOS or --features"),
        (["load-test", "--server", "127.0.0.1:1"], "expected PHOTOS or --features FILE with --server"),
        (["soak", "a.jpg", "--server", "127.0.0.1:1", "--ground-truth", "a.json"], "no --ground-truth"),
        (["soak", "--schemes", "dsc,dsc-pq"], "expected one scheme, got dsc, dsc-pq"),
        (["load-test", "--schemes", "none"], "none"),
        (["load-test", "--snr-db", "5:0"], "weight above 0, got '5:0'"),
        (["load-test", "--modes", "morse"], "--modes: expected VALUE"),
        (["load-test", "--p99-ms", "0"], "p99_ms"),
        (["load", "empty", "--per-second", "0"], "--per-second: expected rates above 0"),
        (["load", "empty", "--per-second", "5", "--requests", "5"], "expected --seconds with --per-second"),
    ],
)
def test_wrong_options_are_one_line(arguments: list[str], line: str, tmp_path: Path) -> None:
    out = [] if arguments[0] == "load" else ["--out", str(tmp_path)]
    result = CliRunner().invoke(app, [*arguments, *out])
    assert isinstance(result.exception, SettingError), result.output
    assert line in str(result.exception)
    assert "\n" not in str(result.exception)
