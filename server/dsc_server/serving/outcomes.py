"""Outcomes of queries, as the receiver and the ranking report them: for the log and the metrics."""

from collections.abc import Callable
from dataclasses import asdict

from dsc.v1 import retrieval_pb2
from dsc_common.observing.call import current_call
from dsc_common.observing.laps import Laps
from dsc_common.observing.registry import Registry
from dsc_common.observing.service_metrics import watch_numbers
from dsc_server.index.files import LoadedIndex
from dsc_server.index.search_limits import SearchLimits

# Called with an answer, and the number of signals that it was decoded from.
Outcome = Callable[[retrieval_pb2.RankedResults, int], None]
_CANDIDATES = (0, 10, 100, 1000, 10_000, 20_000, 50_000, 100_000, 200_000, 1_000_000)
_CONFIDENCES = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99, 1.0)
_SIGNALS = (1, 2, 3, 4, 8, 17)


def note(laps: Laps, results: retrieval_pb2.RankedResults, signals: int) -> None:
    """Note times and outcome of the call under way, for its line in the log.

    Args:
        laps: times of its steps.
        results: its answer.
        signals: number of received signals.
    """
    laps.rest("batch")  # the wait for the others of its batch
    call = current_call()
    call.steps = laps.seconds
    call.facts = {
        "candidates": results.num_candidates,
        "confidence": round(results.confidence, 4),
        "low_confidence": results.low_confidence,
        "receiver": results.receiver,
        "signals": signals,
    }


def outcomes_in(registry: Registry, loaded: LoadedIndex, limits: SearchLimits) -> Outcome:
    """Metrics of an index, and of the outcomes of its queries.

    Args:
        registry: where they are made.
        loaded: the index.
        limits: bounds on the work of one query.
    """
    _describe(registry, loaded, limits)
    candidates = registry.histogram("candidates", "Images compared for a query.", buckets=_CANDIDATES)
    confidence = registry.histogram(
        "confidence", "The receiver's estimate of how well it decoded a packet.", buckets=_CONFIDENCES
    )
    low = registry.counter("low_confidence", "Queries answered with low confidence.")
    corrected = registry.counter("heads_corrected", "Packets in whose head the receiver corrected bits.")
    bits = registry.counter("head_bits_corrected", "Bits of heads that the receiver corrected.")
    doubtful = registry.counter("heads_doubtful", "Packets whose head the receiver does not trust.")
    combined = registry.histogram(
        "signals", "Received transmissions that a query was decoded from.", buckets=_SIGNALS
    )

    def count(results: retrieval_pb2.RankedResults, signals: int) -> None:
        candidates.observe(results.num_candidates)
        confidence.observe(results.confidence)
        combined.observe(signals)
        if results.low_confidence:
            low.inc()
        if results.head_errors_corrected:
            corrected.inc()
            bits.inc(results.head_errors_corrected)
        if not results.head_trusted:
            doubtful.inc()

    return count


def _describe(registry: Registry, loaded: LoadedIndex, limits: SearchLimits) -> None:
    manifest = loaded.manifest
    registry.info(
        "codebook",
        "The codebook that this server holds.",
        {"version": manifest.codebook_version, "scheme": manifest.scheme, "backbone": manifest.backbone},
    )
    registry.gauge("index_images", "Images of the index.").set(manifest.num_images)
    size = sum(entry.size_bytes for entry in manifest.files.values())
    registry.gauge("index_bytes", "Size of the files of the index.").set(size)
    watch_numbers(registry, "search_limit", "Bounds on the work of one query.", asdict(limits))
