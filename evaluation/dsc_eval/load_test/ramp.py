"""Search for the highest rate that holds: up in a geometric series, then bisection."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from dsc_eval.load_test.step import Step, Verdict

LEAST_PER_S = 0.5


@dataclass(frozen=True)
class RampPlan:
    """How a ramp goes.

    Attributes:
        start: first rate, in requests per second.
        factor: of each rate to the one before it, until one fails.
        precision: bisection ends where the lowest rate that failed is at most so many times the highest
            that held.
        most: highest rate that is offered.
    """

    start: float = 50.0
    factor: float = 1.6
    precision: float = 1.05
    most: float = 20_000.0


@dataclass(frozen=True)
class Ramp:
    """What a ramp found.

    Attributes:
        held: highest rate that held; None if none did.
        failed: lowest rate above it that did not; None if all held.
        generator_limits: it did not because the generator could not offer it.
        steps: all measurements, in their order; a rate that failed is there twice.
    """

    held: float | None
    failed: float | None
    generator_limits: bool
    steps: Sequence[Step]

    def at(self, rate: float) -> Step:
        """The last measurement of a rate that was offered."""
        return min(reversed(self.steps), key=lambda step: abs(step.report.rate - rate))


def find_limit(measure: Callable[[float], Step], plan: RampPlan) -> Ramp:
    """Offer rates until the limit is between two that are close to each other.

    A rate that fails is offered once more, and holds if it then does: one disturbance is no limit.

    Args:
        measure: offers a rate.
        plan: of the rates.
    """
    search = _Search(measure)
    rate = plan.start
    while LEAST_PER_S <= rate <= plan.most:
        held = search.holds(rate)
        if search.held is not None and search.failed is not None:
            break
        rate = rate * plan.factor if held else rate / plan.factor
    while search.held and search.failed and search.failed > plan.precision * search.held:
        search.holds(math.sqrt(search.held * search.failed))
    limits = search.last_failure is Verdict.GENERATOR
    return Ramp(search.held, search.failed, limits, search.steps)


class _Search:
    """The rates that are known to hold, or not to."""

    def __init__(self, measure: Callable[[float], Step]) -> None:
        self._measure = measure
        self.held: float | None = None
        self.failed: float | None = None
        self.last_failure: Verdict | None = None
        self.steps: list[Step] = []

    def holds(self, rate: float) -> bool:
        """Offer a rate, once more if it fails."""
        for _ in range(2):
            step = self._measure(rate)
            self.steps.append(step)
            if step.verdict is Verdict.HELD:
                self.held = rate
                return True
        self.failed, self.last_failure = rate, step.verdict
        return False
