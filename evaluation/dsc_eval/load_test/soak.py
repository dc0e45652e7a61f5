"""A soak test: a steady rate for a long time, while memory and descriptors of the services are watched."""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from dsc_common.cli.streams import say
from dsc_common.errors import DscError
from dsc_eval.load.calling import Method
from dsc_eval.load.open_report import OpenReport
from dsc_eval.load.processes import Usage, usage
from dsc_eval.load_test.bed import Bed
from dsc_eval.load_test.flatness import descriptors_finding, memory_finding
from dsc_eval.load_test.measuring import limit_of
from dsc_eval.load_test.ramp import Ramp
from dsc_eval.load_test.record import Conditions, Finding, Soak, Track
from dsc_eval.load_test.settings import SoakSettings

CALL = Method.TRANSMIT  # goes through both services
OF_LIMIT = 0.5
_MIB = 1 << 20


class Watch:
    """A thread that looks at processes now and then, from `with` to its end."""

    def __init__(
        self, processes: Mapping[str, int], every_s: float, look: Callable[[int], Usage | None] = usage
    ) -> None:
        self._processes, self._every_s, self._look = dict(processes), every_s, look
        self._samples: dict[str, list[tuple[float, Usage]]] = {role: [] for role in processes}
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._begun = time.monotonic()
        self.ended: set[str] = set()  # roles whose process is gone

    def __enter__(self) -> "Watch":
        self._begun = time.monotonic()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()

    def tracks(self) -> dict[str, Track]:
        """What was seen so far."""
        return {
            role: Track(
                [round(at, 3) for at, _ in samples],
                [round(seen.rss_bytes / _MIB, 3) for _, seen in samples],
                [seen.descriptors for _, seen in samples],
            )
            for role, samples in self._samples.items()
        }

    def _run(self) -> None:
        while True:
            self._sample()
            if self._end.wait(self._every_s):
                return

    def _sample(self) -> None:
        for role, pid in self._processes.items():
            seen = self._look(pid)
            if seen is None:
                self.ended.add(role)
            else:
                self._samples[role].append((time.monotonic() - self._begun, seen))


def soaked(bed: Bed, settings: SoakSettings, conditions: Conditions) -> Soak:
    """Offer a steady rate.

    Raises:
        DscError: a service does not answer, or holds no rate.
    """
    limit = None if settings.per_second else limit_of(bed, CALL, settings)
    rate = settings.per_second or _half(limit)
    say(f"{CALL}: {rate:.1f}/s for {settings.minutes:g} minutes")
    segments: list[OpenReport] = []
    with Watch(bed.services.processes, settings.sample_s) as watch:
        ends = time.monotonic() + 60 * settings.minutes
        while (left := ends - time.monotonic()) > 0 and not watch.ended:
            plan = settings.plan(rate, max(1.0, min(settings.segment_s, left)))
            # All of it counts, and each segment has other arrivals.
            plan = replace(plan, warm_up_s=0.0, seed=settings.seed + len(segments))
            segments.append(bed.offer(CALL, plan)[0])
            say(_line(segments[-1], watch.tracks(), left))
    tracks = watch.tracks()
    findings = [*requests_findings(segments), *process_findings(tracks, watch.ended, settings.growth_percent)]
    return Soak(rate, CALL, conditions, limit, segments, tracks, findings)


def _half(limit: Ramp | None) -> float:
    if limit is None or limit.held is None:
        raise DscError("the services hold no rate; choose one with --per-second, or another --p99-ms")
    return OF_LIMIT * limit.held


def requests_findings(segments: Sequence[OpenReport]) -> list[Finding]:
    """Whether all requests were answered, and all were sent."""
    offered = sum(each.offered for each in segments)
    errors = sum(each.errors for each in segments)
    not_sent = sum(each.not_sent for each in segments)
    return [
        Finding("errors", offered > 0 and not errors, f"{errors} of {offered} requests"),
        Finding("generator", not not_sent, f"{not_sent} of {offered} requests were not sent"),
    ]


def process_findings(tracks: Mapping[str, Track], ended: set[str], growth_percent: float) -> list[Finding]:
    """Whether each process is alive, and its memory and descriptors are flat."""
    found = []
    for role, track in tracks.items():
        if role in ended:
            found.append(Finding(f"process of the {role}", good=False, text="it has ended, or is not ours"))
        found += [memory_finding(role, track, growth_percent), descriptors_finding(role, track)]
    return found or [Finding("processes", good=False, text="not seen: the services run on another machine")]


def _line(report: OpenReport, tracks: Mapping[str, Track], left_s: float) -> str:
    latest = [
        f"{role} {track.rss_mib[-1]:.1f} MiB, {track.descriptors[-1]} descriptors"
        for role, track in tracks.items()
        if track.times_s
    ]
    p99 = "none answered" if report.p99_ms is None else f"p99 {report.p99_ms:.1f} ms"
    left = max(0.0, left_s - report.seconds)
    return "; ".join([f"{left / 60:.1f} min left: {p99}", f"{report.errors} errors", *latest])
