"""Outcomes of transmissions, as the link report has them: for the log and the metrics."""

from collections.abc import Callable

from dsc_common.observing.call import current_call
from dsc_common.observing.laps import Laps
from dsc_common.observing.registry import Registry
from dsc_common.radio.link import LinkReport
from dsc_common.retrieval.results import RankedResults

# Called with an answer and its link report.
Outcome = Callable[[RankedResults, LinkReport], None]


def note(laps: Laps, results: RankedResults, report: LinkReport) -> None:
    """Note times and outcome of the call under way, for its line in the log."""
    call = current_call()
    call.steps = laps.seconds
    call.facts = {
        "mode": str(report.mode),
        "snr_db": report.snr_db,
        "transmissions": report.transmissions,
        "lost": report.lost,
        "bit_errors": report.bit_errors,
        "low_confidence": results.low_confidence,
    }


def outcomes_in(registry: Registry) -> Outcome:
    """Metrics of transmissions, made in a registry."""
    transmissions = registry.counter("transmissions", "Transmissions of packets.")
    resends = registry.counter("resends", "Transmissions of packets that had been sent before.")
    lost = registry.counter("transmissions_lost", "Transmissions that did not arrive.")
    erased = registry.counter("packets_erased", "Packets of which no transmission arrived.")
    low = registry.counter("low_confidence", "Queries answered with low confidence.")
    bits = registry.counter("bits_sent", "Bits of packets that arrived, each packet once.")
    errors = registry.counter("bit_errors", "Bits that hard decisions have wrong after all transmissions.")

    def count(results: RankedResults, report: LinkReport) -> None:
        transmissions.inc(report.transmissions)
        resends.inc(report.transmissions - 1)
        lost.inc(report.lost)
        if results.low_confidence:
            low.inc()
        if report.erased:
            erased.inc()
        else:
            bits.inc(report.bits_sent)
            errors.inc(report.bit_errors)

    return count
