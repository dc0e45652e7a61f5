"""How long the steps of one call take, where they run in threads or wait for others."""

import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import ParamSpec, TypeVar

from dsc_common.spans import OTHER, recorded
from dsc_common.steps import Steps

QUEUE = "queue"  # the wait for a thread

_Parameters = ParamSpec("_Parameters")
_Result = TypeVar("_Result")


@dataclass
class Laps:
    """Seconds of each step; steps that run again add up.

    Attributes:
        seconds: step → seconds.
    """

    seconds: dict[str, float] = field(default_factory=dict)
    _begun: float = field(default_factory=time.perf_counter)

    def add(self, step: str, seconds: float) -> None:
        """Add time to a step."""
        self.seconds[step] = self.seconds.get(step, 0.0) + seconds

    def of_steps(self, steps: Steps[_Result], names: Sequence[str], inner: str = "") -> Steps[_Result]:
        """The same steps, and before them their wait in a queue from now on.

        Args:
            steps: work in steps.
            names: names of the steps.
            inner: a span inside them that is a step by itself.
        """
        return self._of_steps(steps, names, inner, time.perf_counter())

    def _of_steps(
        self, steps: Steps[_Result], names: Sequence[str], inner: str, waits_since: float
    ) -> Steps[_Result]:
        self.add(QUEUE, time.perf_counter() - waits_since)
        for place, name in enumerate(names):
            if place:
                yield
            try:
                with recorded() as spans:
                    next(steps)
            except StopIteration as end:
                result: _Result = end.value
                return result
            finally:
                apart = spans.seconds.pop(inner, None)
                if apart is not None:
                    self.add(inner, apart)
                self.add(name, sum(spans.seconds.values()))
        raise RuntimeError(f"expected {len(names)} steps, got more")

    def rest(self, step: str) -> None:
        """Give a step the time since these laps began that no step has."""
        left = time.perf_counter() - self._begun - sum(self.seconds.values())
        self.add(step, max(left, 0.0))

    def around(
        self, step: str, function: Callable[_Parameters, Awaitable[_Result]]
    ) -> Callable[_Parameters, Awaitable[_Result]]:
        """An asynchronous function, its time as a step."""

        async def lap(*args: _Parameters.args, **kwargs: _Parameters.kwargs) -> _Result:
            begun = time.perf_counter()
            try:
                return await function(*args, **kwargs)
            finally:
                self.add(step, time.perf_counter() - begun)

        return lap

    async def in_thread(
        self, run: Callable[[Callable[[], _Result]], Awaitable[_Result]], function: Callable[[], _Result]
    ) -> _Result:
        """Run a function in a thread: its spans as steps, and the wait for the thread.

        Args:
            run: runs a function in a thread.
            function: work whose time is in spans.
        """
        waits_since = time.perf_counter()

        def measured() -> _Result:
            self.add(QUEUE, time.perf_counter() - waits_since)
            with recorded() as spans:
                result = function()
            for step, seconds in spans.seconds.items():
                if step != OTHER:
                    self.add(step, seconds)
            return result

        return await run(measured)
