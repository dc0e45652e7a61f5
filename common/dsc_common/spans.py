"""Time spent in named steps, measured only inside a `recorded` block."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import wraps
from typing import ParamSpec, TypeVar

OTHER = "other"

_Parameters = ParamSpec("_Parameters")
_Result = TypeVar("_Result")


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


class Step:
    """A named step: a context manager for one use, or a decorator of a function that is one step."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._spans: Spans | None = None

    def __enter__(self) -> None:
        self._spans = _RECORDING.get()
        if self._spans is not None:
            self._spans.switch(self._name)

    def __exit__(self, *_error: object) -> None:
        if self._spans is not None:
            self._spans.switch(None)

    def __call__(self, function: Callable[_Parameters, _Result]) -> Callable[_Parameters, _Result]:
        """The function as a step."""
        name = self._name

        @wraps(function)
        def timed(*args: _Parameters.args, **kwargs: _Parameters.kwargs) -> _Result:
            if _RECORDING.get() is None:  # the usual case; a step may take microseconds
                return function(*args, **kwargs)
            with Step(name):
                return function(*args, **kwargs)

        return timed


def span(step: str) -> Step:
    """A named step: `with span("head"):`, or `@span("head")` before a function."""
    return Step(step)
