"""The call under way: what its service notes of it, for the log and the metrics."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

from dsc_common.observing.trace import TRACEPARENT, Trace, continued


@dataclass(slots=True)
class Call:
    """One call, from its arrival to its end.

    Attributes:
        method: service and method, as in dsc.v1.RetrievalService/Retrieve.
        find_traceparent: reads `traceparent` of the caller, None if there is none; called when it is needed.
        request_id: of the query, as its device gave it.
        steps: step → seconds.
        facts: further fields of its line in the log; nothing of a photo, and nothing secret.
    """

    method: str = ""
    find_traceparent: Callable[[], str | None] = lambda: None
    request_id: str = ""
    steps: dict[str, float] = field(default_factory=dict)
    facts: dict[str, object] = field(default_factory=dict)
    _trace: Trace | None = None

    @property
    def trace(self) -> Trace:
        """The place of this call in the trace of its query."""
        if self._trace is None:
            self._trace = continued(None)  # of lines that are written while it is read
            self._trace = continued(self.find_traceparent())
        return self._trace


_CURRENT: ContextVar[Call | None] = ContextVar("call", default=None)


def begin(call: Call) -> None:
    """Make it the call of this task, until the task ends or begins another."""
    _CURRENT.set(call)


@contextmanager
def within(call: Call) -> Iterator[None]:
    """Make it the call of this thread or task while the block runs."""
    token = _CURRENT.set(call)
    try:
        yield
    finally:
        _CURRENT.reset(token)


def call_under_way() -> Call | None:
    """The call of this task; None outside of all."""
    return _CURRENT.get()


def current_call() -> Call:
    """The call of this task; a new one that nobody reads outside of all."""
    return _CURRENT.get() or Call()


def outgoing_metadata() -> tuple[tuple[str, str], ...]:
    """Metadata of the calls that this task makes of other services for that call."""
    call = _CURRENT.get()
    return () if call is None else ((TRACEPARENT, str(call.trace)),)
