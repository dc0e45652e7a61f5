"""What limits a rate, by a rule: see `bottleneck`."""

from collections.abc import Mapping, Sequence

from dsc_eval.load_test.ramp import Ramp
from dsc_eval.load_test.step import Step
from dsc_eval.load_test.uses import OTHERS, ProcessUse

FULL = 0.8  # of a core, or of all cores that processes may use
NOTICED = 0.2  # cores
RULE = (
    "The last measurement of the lowest rate that did not hold decides. "
    f"{FULL:.0%} busy counts as full, since requests that arrive at random queue up long before 100 %. "
    f"First the generator: its requests are late, or its process takes {FULL:.0%} of a core. "
    f"Then event loops: a main thread that takes {FULL:.0%} of a core runs the Python code of one request "
    "after the other, whatever other threads do. "
    f"Then cores: processes that may use the same cores and keep {FULL:.0%} of them busy; "
    "the one that takes most is named. "
    "Then refusals: RESOURCE_EXHAUSTED is a limit of the service's settings. "
    "Otherwise nothing is full, and requests wait for something else. "
    f"Work of other processes is named from {NOTICED:g} cores on."
)


def bottleneck(ramp: Ramp) -> str:
    """What limits a rate, in a line; `RULE` explains it."""
    if ramp.failed is None:
        return "none found: every rate held"
    step = ramp.at(ramp.failed)
    found = f"the generator: {step.reason}" if ramp.generator_limits else of_step(step)
    others = step.uses[OTHERS].busy if OTHERS in step.uses else 0.0
    return found if others < NOTICED else f"{found}; other processes kept {others:.1f} cores busy"


def of_step(step: Step) -> str:
    """What is full in a measurement."""
    services = {
        role: use for role, use in step.uses.items() if role != OTHERS and not role.startswith("generator")
    }
    if step.report.generator_busy >= FULL:
        return f"the generator: it takes {step.report.generator_busy:.0%} of a core"
    for role, use in sorted(services.items(), key=lambda item: -item[1].main_thread):
        if use.main_thread >= FULL:
            return f"the event loop of the {role}: its thread takes {use.main_thread:.0%} of a core"
    for cores in dict.fromkeys(use.cores for use in services.values() if use.cores):
        together = {role: use for role, use in services.items() if use.cores == cores}
        if sum(use.busy for use in together.values()) >= FULL * len(cores):
            return _full(together, cores)
    refused = step.report.statuses.get("RESOURCE_EXHAUSTED", 0)
    if refused:
        return f"the limit on requests at once: {refused} of {step.report.offered} were refused"
    if not services:
        return "unknown: the services run on another machine"
    return "no process is full: requests wait for something else"


def _full(together: Mapping[str, ProcessUse], cores: Sequence[int]) -> str:
    role = max(together, key=lambda each: together[each].busy)
    numbers = ", ".join(map(str, cores))
    parts = " and ".join(f"{each} {use.busy:.2f}" for each, use in together.items())
    where = f"core {numbers} is full" if len(cores) == 1 else f"cores {numbers} are full"
    return f"the {role}: {where} ({parts} cores busy)"
