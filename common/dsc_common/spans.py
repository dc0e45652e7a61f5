"""Time spent in named steps, measured only inside a `recorded` block."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

OTHER = "other"


def _now() -> float:
    return time.perf_counter()


@dataclass
class Spans:
    """Seconds spent in each step; the time of nested steps counts only for the innermost.

    Attributes:
        seconds: step → seconds, with `OTHER` for time outside all steps.
    """

    seconds: dict[str, float] = field(default_factory=dict)
    _steps: list[str] = field(default_factory=lambda: [OTHER])
    _since: float = field(default_factory=_now)

    def switch(self, step: str | None) -> None:
        """Begin a step inside the current step; None ends the current step."""
        now = _now()
        running = self._steps[-1]
        self.seconds[running] = self.seconds.get(running, 0.0) + now - self._since
        if step is None:
            self._steps.pop()
        else:
            self._steps.append(step)
        self._since = now


_RECORDING: ContextVar[Spans | None] = ContextVar("spans", default=None)


@contextmanager
def recorded() -> Iterator[Spans]:
    """Record the steps that this thread or task runs inside the block."""
    spans = Spans()
    token = _RECORDING.set(spans)
    try:
        yield spans
    finally:
        spans.switch(None)
        _RECORDING.reset(token)


@contextmanager
def span(step: str) -> Iterator[None]:
    """A named step: a context manager, or a decorator of a function that is one step."""
    spans = _RECORDING.get()
    if spans is None:
        yield
        return
    spans.switch(step)
    try:
        yield
    finally:
        spans.switch(None)
