"""The lines of a process: its log, and what it says, as text or as one JSON object a line.

Code logs an event with its fields apart from its words:

    LOG.info("refused", extra={"fields": {"reason": "no token", "peer": context.peer()}})

Every value is escaped and cut, as it may come from a request.
"""

import contextlib
import json
import logging
import math
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

from dsc_common.cli.printable import printable
from dsc_common.cli.streams import shaped_lines, write_line
from dsc_common.observing.call import Call, call_under_way
from dsc_common.observing.grpc_lines import is_worth_a_line
from dsc_common.observing.settings import LogFormat, LogSettings

AUDIT = "dsc.audit"  # written whatever the level
_OURS = ("dsc", "dsc_common", "dsc_server", "dsc_channel", "dsc_device")
_to_json = json.JSONEncoder(ensure_ascii=True, allow_nan=False).encode  # of plain values
_LONGEST_VALUE = 1024
_LONGEST_TRACEBACK = 16_384
_OF_PROGRAMS = ("span_id", "parent_id")  # fields that lines for people lack
_LEVELS = {"error:": "error", "warning:": "warning", "not ready:": "warning"}


@contextlib.contextmanager
def lines_of(role: str, settings: LogSettings) -> Iterator[None]:
    """Write the lines of this process as the settings have it, while the block runs.

    Args:
        role: server, channel or device.
        settings: form and lowest level.
    """
    as_json = settings.log_format is LogFormat.JSON
    handler = _Lines(_JsonFormatter(role) if as_json else _TextFormatter())
    handler.addFilter(is_worth_a_line)
    before = {name: logging.getLogger(name).level for name in (*_OURS, AUDIT)}
    root = logging.getLogger()
    root.addHandler(handler)
    for name in _OURS:
        logging.getLogger(name).setLevel(settings.log_level.upper())
    logging.getLogger(AUDIT).setLevel(logging.INFO)
    try:
        with shaped_lines(lambda line: _said(line, role)) if as_json else contextlib.nullcontext():
            yield
    finally:
        root.removeHandler(handler)
        for name, level in before.items():
            logging.getLogger(name).setLevel(level)


class _Lines(logging.Handler):
    """Writes each record to stderr as it is now."""

    def __init__(self, formatter: logging.Formatter) -> None:
        super().__init__()
        self.setFormatter(formatter)

    def emit(self, record: logging.LogRecord) -> None:
        try:
            line = self.format(record)
        except Exception:  # the fault of whoever logs must not end a request
            self.handleError(record)
        else:
            write_line(line)


class _TextFormatter(logging.Formatter):
    """Words, then fields as name=value; a traceback follows."""

    def format(self, record: logging.LogRecord) -> str:
        fields = {key: value for key, value in _fields(record).items() if key not in _OF_PROGRAMS}
        lines = [" ".join([_cut(record.getMessage()), *(f"{key}={_word(fields[key])}" for key in fields)])]
        if record.exc_info:
            lines += self.formatException(record.exc_info)[:_LONGEST_TRACEBACK].splitlines()
        return "\n".join(printable(line) for line in lines)


class _JsonFormatter(logging.Formatter):
    def __init__(self, role: str) -> None:
        super().__init__()
        self._role = role

    def format(self, record: logging.LogRecord) -> str:
        line = _event(record.created, record.levelname.lower(), record.name, self._role, record.getMessage())
        for key, value in _fields(record).items():
            line.setdefault(key, _plain(value))
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)[:_LONGEST_TRACEBACK]
        return _to_json(line)


def _event(created: float, level: str, logger: str, role: str, message: str) -> dict[str, object]:
    return {
        "time": datetime.fromtimestamp(created, UTC).isoformat(timespec="milliseconds"),
        "level": level,
        "role": role,
        "logger": logger,
        "message": _cut(message),
    }


def _said(line: str, role: str) -> str:
    """A line for people as a JSON object."""
    level = next((level for start, level in _LEVELS.items() if line.startswith(start)), "info")
    return _to_json(_event(time.time(), level, "dsc", role, line))


def _fields(record: logging.LogRecord) -> Mapping[str, object]:
    """The fields of a record, after those of the call under way."""
    call, fields = call_under_way(), getattr(record, "fields", {})
    return {**({} if call is None else _ids_of(call)), **fields}


def _ids_of(call: Call) -> dict[str, object]:
    """Fields by which lines of several processes are found to belong to one query."""
    trace = call.trace
    ids = {"request_id": call.request_id, "trace_id": trace.trace_id, "span_id": trace.span_id}
    return {key: value for key, value in {**ids, "parent_id": trace.parent_id}.items() if value}


def _word(value: object) -> str:
    plain = _plain(value)
    simple = not isinstance(plain, str) or (plain.isalnum() and plain.isascii())
    return str(plain) if simple and not isinstance(plain, dict | list) else _to_json(plain)


def _plain(value: object) -> object:
    """A value that JSON has, cut; the usual kinds first, as each line of a request has many."""
    if isinstance(value, str):
        return _cut(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if value is None or isinstance(value, int):
        return value
    if isinstance(value, dict):
        return {_cut(str(key)): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return _cut(str(value))


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST_VALUE else f"{text[: _LONGEST_VALUE - 1]}…"
