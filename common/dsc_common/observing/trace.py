"""Which query a call belongs to, across processes: `traceparent` of the W3C Trace Context, level 1."""

import re
import secrets
from dataclasses import dataclass

TRACEPARENT = "traceparent"
_FIELDS = re.compile(
    r"(?P<version>[0-9a-f]{2})-(?P<trace>[0-9a-f]{32})-(?P<span>[0-9a-f]{16})-(?P<flags>[0-9a-f]{2})"
)
_LONGEST = 512  # of later versions, which may append fields
_SAMPLED = 1


@dataclass(frozen=True, slots=True)
class Trace:
    """A place in a trace.

    Attributes:
        trace_id: of the query, the same in every process; 32 hexadecimal digits.
        span_id: of the work of one process for it; 16 digits.
        parent_id: span of the caller; empty where the trace begins.
        is_sampled: whether the caller keeps this trace.
    """

    trace_id: str
    span_id: str
    parent_id: str = ""
    is_sampled: bool = False

    def __str__(self) -> str:
        """The value of `traceparent` for the calls of this span."""
        return f"00-{self.trace_id}-{self.span_id}-{int(self.is_sampled):02x}"


def new_trace() -> Trace:
    """The beginning of a trace."""
    return Trace(secrets.token_hex(16), _new_span())


def continued(traceparent: str | None) -> Trace:
    """A new span in the trace of a caller; a new trace if the value is none that the W3C's grammar allows."""
    match = None if traceparent is None or len(traceparent) > _LONGEST else _FIELDS.match(traceparent)
    if match is None or not _is_valid(match, traceparent[match.end() :] if traceparent else ""):
        return new_trace()
    is_sampled = bool(int(match["flags"], 16) & _SAMPLED)
    return Trace(match["trace"], _new_span(), match["span"], is_sampled)


def _is_valid(match: re.Match[str], rest: str) -> bool:
    """Version ff and ids of zeros are forbidden; only versions after 00 may go on, with a hyphen."""
    goes_on = rest.startswith("-") and match["version"] != "00"
    return (
        match["version"] != "ff"
        and match["trace"].strip("0") != ""
        and match["span"].strip("0") != ""
        and (not rest or goes_on)
    )


def _new_span() -> str:
    return secrets.token_hex(8)
