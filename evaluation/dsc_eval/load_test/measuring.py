"""A load test of services: the ceiling of empty calls, a ramp of each call, and overload."""

from collections.abc import Callable
from dataclasses import replace
from itertools import count

from dsc_common.cli.streams import say
from dsc_eval.load.calling import Method
from dsc_eval.load.closed_loop import Plan
from dsc_eval.load_test.bed import Bed
from dsc_eval.load_test.bottleneck import bottleneck
from dsc_eval.load_test.ramp import Ramp, find_limit
from dsc_eval.load_test.record import CallResult, Part
from dsc_eval.load_test.settings import LoadTestSettings, OfferSettings
from dsc_eval.load_test.step import Step, judge

CEILING_CLIENTS = (1, 16)
OVERLOAD = 2.0  # times the limit
_OVERLOAD_S = 10.0


def measured_part(bed: Bed, settings: LoadTestSettings) -> Part:
    """All measurements on one server and its channel.

    Raises:
        DscError: a service does not answer.
    """
    ceiling = []
    for clients in CEILING_CLIENTS:
        plan = Plan(clients, settings.step_s, settings.warm_up_s)
        ceiling.append(bed.closed(Method.EMPTY, plan))
        say(f"empty calls, {clients} in a closed loop: {ceiling[-1].per_second:.0f}/s")
    calls = [_call(bed, method, settings) for method in (Method.RETRIEVE, Method.TRANSMIT)]
    return Part(bed.services.name, ceiling, calls)


def limit_of(bed: Bed, method: Method, settings: OfferSettings) -> Ramp:
    """The ramp of a call.

    Raises:
        DscError: a service does not answer.
    """
    return find_limit(_offering(bed, method, settings), settings.ramp)


def _call(bed: Bed, method: Method, settings: LoadTestSettings) -> CallResult:
    ramp = limit_of(bed, method, settings)
    overload = None
    if settings.overload and ramp.held is not None:
        seconds = min(max(_OVERLOAD_S, settings.step_s), settings.max_step_s)
        overload = _offering(bed, method, settings, seconds)(OVERLOAD * ramp.held)
    return CallResult(method, ramp, bottleneck(ramp), overload)


def _offering(
    bed: Bed, method: Method, settings: OfferSettings, seconds: float | None = None
) -> Callable[[float], Step]:
    """Measurement of a rate, with a line about it; each has other arrivals, so a burst is not repeated."""
    seeds = count(settings.seed)

    def measure(per_second: float) -> Step:
        plan = replace(settings.plan(per_second, seconds), seed=next(seeds))
        report, uses = bed.offer(method, plan)
        verdict, reason = judge(report, settings.bound)
        say(f"{method}: {per_second:.1f}/s {verdict}: {reason}")
        return Step(report, verdict, reason, uses)

    return measure
