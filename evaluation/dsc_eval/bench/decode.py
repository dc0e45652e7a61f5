"""Time from received samples to partitions and an estimate of the feature, by receiver, SNR and step."""

from collections.abc import Iterator
from functools import partial

from pydantic import Field, field_validator

from dsc_common.radio.link import ReceivedSignal
from dsc_eval.bench.bench import Bench, BenchSettings, SnrPoints
from dsc_eval.bench.threads import limited_threads
from dsc_eval.experiments.databases import databases
from dsc_eval.experiments.decoding import STEPS, TOTAL, signals_of
from dsc_eval.experiments.settings import POINTS_HELP, RECEIVERS_HELP
from dsc_eval.offline.benchmark_data import BenchmarkData
from dsc_eval.offline.scheme import build_scheme, head_labels_for
from dsc_eval.offline.timing import DIGITS, Times, interleaved, step_fractions
from dsc_eval.output import Row
from dsc_eval.scheme_names import SchemeName
from dsc_server.index.summary import DatabaseSummary
from dsc_server.receiving.registry import receive, receiver_name
from dsc_server.scheme_specs import DEFAULT_SCHEME, parse_scheme

DECODING_STEPS = tuple(step for step in STEPS if step != "ranking")


class DecodeSettings(BenchSettings):
    """Settings of the benchmark.

    Attributes:
        scheme: of the packets.
        receivers: names of receivers.
        snr_db: the points.
        packets: number of packets; queries repeat, each time with other noise.
    """

    scheme: SchemeName = Field(default=DEFAULT_SCHEME, description=f"Scheme. (default: {DEFAULT_SCHEME})")
    receivers: list[str] = Field(
        default=["joint", "hard"], min_length=1, description=f"{RECEIVERS_HELP} (default: joint,hard)"
    )
    snr_db: SnrPoints = Field(default=[0.0, 10.0], min_length=1, description=f"{POINTS_HELP} (default: 0,10)")
    packets: int = Field(default=200, ge=1, description="Number of packets. (default: 200)")

    @field_validator("receivers")
    @classmethod
    def _known(cls, receivers: list[str]) -> list[str]:
        return list(dict.fromkeys(receiver_name(name) for name in receivers))


def run(data: BenchmarkData, settings: DecodeSettings) -> Iterator[Row]:
    """A row per database, receiver, SNR and step, and one for all steps together.

    The fractions of the steps come from a separate run.
    """
    for features, size in databases(data, settings.simulate, settings.seed):
        head_labels = head_labels_for(features.num_labels)
        scheme = build_scheme(parse_scheme(settings.scheme), features, head_labels, settings.seed)
        packets = [scheme.pack(query) for query in features.queries]
        summary = scheme.index.summary
        last: Row = {**size, "packets": settings.packets, **data.source}
        calls = {
            (receiver, snr_db): partial(_decode, summary, signals, receiver)
            for snr_db in settings.snr_db
            for signals in [signals_of(scheme, packets, snr_db, settings.seed, settings.packets)]
            for receiver in settings.receivers
        }
        with limited_threads(settings.threads):
            for call in calls.values():
                call(0)  # what is learned or tabulated at the first packet
            times = interleaved(calls, settings.packets, settings.runs, data.track)
            fractions = {
                key: step_fractions(call, range(settings.packets), DECODING_STEPS)
                for key, call in calls.items()
            }
        for receiver, snr_db in calls:
            first: Row = {"scheme": settings.scheme, "receiver": receiver, "snr_db": snr_db}
            for row in _rows(times[receiver, snr_db], fractions[receiver, snr_db]):
                yield {**first, **row, **last}


def _decode(summary: DatabaseSummary, signals: list[ReceivedSignal], receiver: str, number: int) -> None:
    receive(summary, [signals[number]], receiver)


def _rows(times: Times, fractions: dict[str, float]) -> Iterator[Row]:
    yield {"step": TOTAL, **times.columns()}
    for step, fraction in fractions.items():
        yield {"step": step, "ms": round(fraction * times.median_ms, DIGITS)}


BENCH = Bench(
    name="decode",
    help="Time from received samples to partitions and an estimate, by step.",
    settings=DecodeSettings,
    run=run,
    shown=("database", "receiver", "snr_db", "step", "ms", "ms_p90", "ms_min", "ms_max", "cpu_ms"),
)
