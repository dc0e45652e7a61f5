"""Work in steps: a generator that yields between them and returns a result.

Many of a kind run faster if all take the first step, then all the second: code and tables stay in the caches
of the processor.
"""

import time
from collections.abc import Generator
from typing import TypeAlias, TypeVar

_Result = TypeVar("_Result")
Steps: TypeAlias = Generator[None, None, _Result]


def finished(steps: Steps[_Result]) -> _Result:
    """The result, after all steps at once."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            result: _Result = end.value
            return result


def timed(steps: Steps[_Result]) -> Steps[tuple[_Result, float]]:
    """The same steps: their result, and the seconds that they took themselves."""
    seconds = 0.0
    while True:
        begun = time.perf_counter()
        try:
            next(steps)
        except StopIteration as end:
            return end.value, seconds + time.perf_counter() - begun
        seconds += time.perf_counter() - begun
        yield
