"""Lines of a process as JSON and as text: one line each, escaped, cut, with the ids of the call."""

import json
import logging
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dsc_common.cli.printable import printable
from dsc_common.cli.streams import announce, say
from dsc_common.observing.call import Call, within
from dsc_common.observing.log_lines import AUDIT, lines_of
from dsc_common.observing.settings import LogFormat, LogLevel, LogSettings
from dsc_common.observing.trace import Trace

LOG = logging.getLogger("dsc.test")
JSON = LogSettings(log_format=LogFormat.JSON)
CALL = Call("a method", request_id="photo 7", _trace=Trace("1" * 32, "2" * 16, "3" * 16))
Captured = pytest.CaptureFixture[str]


def objects(text: str) -> list[dict[str, Any]]:
    """The objects of JSON lines; each line must be one."""
    return [json.loads(line) for line in text.splitlines()]


def test_a_record_is_an_object_with_its_fields_and_the_ids_of_the_call(capsys: Captured) -> None:
    with lines_of("server", JSON), within(CALL):
        LOG.warning("refused %d", 3, extra={"fields": {"reason": "no token", "ms": 1.5, "steps": {"a": 1}}})
    (line,) = objects(capsys.readouterr().err)
    assert line.pop("time").endswith("+00:00")
    assert line == {
        "level": "warning",
        "role": "server",
        "logger": "dsc.test",
        "message": "refused 3",
        "request_id": "photo 7",
        "trace_id": "1" * 32,
        "span_id": "2" * 16,
        "parent_id": "3" * 16,
        "reason": "no token",
        "ms": 1.5,
        "steps": {"a": 1},
    }


def test_fields_cannot_replace_what_every_line_has(capsys: Captured) -> None:
    with lines_of("server", JSON):
        LOG.error("words", extra={"fields": {"level": "debug", "message": "other"}})
    (line,) = objects(capsys.readouterr().err)
    assert (line["level"], line["message"]) == ("error", "words")


def test_what_a_service_says_is_an_object_on_the_same_stream(capsys: Captured) -> None:
    with lines_of("channel", JSON):
        announce("listening on 127.0.0.1:1")
        say("not ready: server: refused")
        say("note: numba is missing")
    out, err = capsys.readouterr()
    assert [(line["level"], line["message"]) for line in objects(out)] == [
        ("info", "listening on 127.0.0.1:1")
    ]
    assert [(line["level"], line["message"]) for line in objects(err)] == [
        ("warning", "not ready: server: refused"),
        ("info", "note: numba is missing"),
    ]


def test_as_text_what_is_said_stays_as_it_is(capsys: Captured) -> None:
    with lines_of("channel", LogSettings()):
        announce("listening on 127.0.0.1:1")
        say("ready: server answers")
        LOG.warning("calls that were ended: %d", 2)
    assert capsys.readouterr() == (
        "listening on 127.0.0.1:1\n",
        "ready: server answers\ncalls that were ended: 2\n",
    )


def test_text_has_fields_as_words(capsys: Captured) -> None:
    with lines_of("server", LogSettings()), within(CALL):
        LOG.warning("refused", extra={"fields": {"status": "OK", "ms": 1.5, "reason": "no token"}})
    ids = f'request_id="photo 7" trace_id={"1" * 32}'
    assert capsys.readouterr().err == f'refused {ids} status=OK ms=1.5 reason="no token"\n'


@pytest.mark.parametrize("log_format", LogFormat)
@given(text=st.text(alphabet=st.characters(), max_size=30))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_text_makes_a_line_of_its_own(log_format: LogFormat, text: str, capsys: Captured) -> None:
    with lines_of("server", LogSettings(log_format=log_format)), within(Call(request_id=text)):
        message = text.encode(errors="replace").decode()  # pytest keeps it, and takes no lone surrogates
        LOG.warning("%s", message, extra={"fields": {"value": text, "steps": {text: [text]}}})
    line = capsys.readouterr().err.removesuffix("\n")
    assert line == printable(line)
    if log_format is LogFormat.JSON:
        assert line.isascii()
        assert json.loads(line)["value"] == text


def test_values_are_cut(capsys: Captured) -> None:
    with lines_of("server", JSON), within(Call(request_id="x" * 100_000)):
        LOG.warning("y" * 100_000, extra={"fields": {"value": ["z" * 100_000]}})
    line = capsys.readouterr().err
    assert len(line) < 4000
    assert len(json.loads(line)["request_id"]) == 1024


def test_a_traceback_is_inside_the_object(capsys: Captured) -> None:
    with lines_of("server", JSON):
        try:
            raise ValueError("first\nsecond")
        except ValueError:
            LOG.exception("request failed")
    (line,) = objects(capsys.readouterr().err)
    assert line["traceback"].endswith("ValueError: first\nsecond")


@pytest.mark.parametrize(("level", "written"), [("debug", 4), ("info", 3), ("warning", 2), ("error", 1)])
def test_the_level_is_that_of_the_settings(level: str, written: int, capsys: Captured) -> None:
    with lines_of("server", LogSettings(log_format=LogFormat.JSON, log_level=LogLevel(level))):
        for log in (LOG.debug, LOG.info, LOG.warning, LOG.error):
            log("words")
    assert len(objects(capsys.readouterr().err)) == written


def test_audits_are_written_whatever_the_level(capsys: Captured) -> None:
    with lines_of("server", LogSettings(log_format=LogFormat.JSON, log_level=LogLevel.ERROR)):
        logging.getLogger(AUDIT).info("refused", extra={"fields": {"peer": "ipv4:10.0.0.1:4"}})
    (line,) = objects(capsys.readouterr().err)
    assert (line["logger"], line["peer"]) == ("dsc.audit", "ipv4:10.0.0.1:4")


def test_libraries_write_from_warnings_on(capsys: Captured) -> None:
    with lines_of("server", LogSettings(log_level=LogLevel.DEBUG)):
        logging.getLogger("numba.core").debug("thousands of these")
        logging.getLogger("asyncio").error("one of these")
    assert capsys.readouterr().err == "one of these\n"


def test_afterwards_everything_is_as_before(capsys: Captured) -> None:
    handlers = list(logging.getLogger().handlers)
    with lines_of("server", LogSettings(log_format=LogFormat.JSON, log_level=LogLevel.DEBUG)):
        pass
    say("words")
    assert capsys.readouterr().err == "words\n"
    assert logging.getLogger().handlers == handlers
    assert logging.getLogger("dsc").level == logging.NOTSET
