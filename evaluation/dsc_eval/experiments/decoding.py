"""Time to decode and rank one packet in the server, by receiver and by step."""

from collections.abc import Iterator, Sequence
from statistics import median

from pydantic import Field, field_validator

from dsc_channel.transmission import transmit
from dsc_common.radio.link import LinkSettings, ReceivedSignal
from dsc_common.spans import OTHER
from dsc_eval.experiments.databases import DatabaseSettings, databases
from dsc_eval.experiments.experiment import Experiment
from dsc_eval.experiments.settings import POINTS_HELP, RECEIVERS_HELP
from dsc_eval.offline.benchmark_data import SOURCE_COLUMNS, BenchmarkData
from dsc_eval.offline.scheme import Scheme, build_scheme, head_labels_for
from dsc_eval.offline.timing import interleaved, step_fractions
from dsc_eval.output import Row
from dsc_server.ranking.rank import rank
from dsc_server.receiving.registry import receive, receiver_name
from dsc_server.scheme_specs import parse_scheme

COLUMNS = (
    "scheme",
    "receiver",
    "snr_db",
    "step",
    "median_ms",
    "cpu_ms",
    "packets",
    "database",
    "simulated",
    "queries",
    *SOURCE_COLUMNS,
)
STEPS = ("demodulate", "codes", "head", "partitions", "ranking", OTHER)
TOTAL = "all"


class DecodingSettings(DatabaseSettings):
    """Settings of the benchmark.

    Attributes:
        receivers: names of receivers.
        snr_db: the points.
        packets: number of packets timed; queries repeat, each time with other noise.
    """

    receivers: list[str] = Field(min_length=1, description=RECEIVERS_HELP)
    snr_db: list[float] = Field(min_length=1, description=POINTS_HELP)
    packets: int = Field(default=200, ge=1, description="Number of packets that are timed.")
    seeds: int = Field(default=1, ge=1, le=1)
    recall_at: None = None

    @field_validator("receivers")
    @classmethod
    def _known(cls, receivers: list[str]) -> list[str]:
        for name in receivers:
            receiver_name(name)
        return receivers

    @field_validator("snr_db")
    @classmethod
    def _points(cls, values: list[float]) -> list[float]:
        for snr_db in values:
            LinkSettings(snr_db=snr_db)
        return values


def run(data: BenchmarkData, settings: DecodingSettings) -> Iterator[Row]:
    """One row of `COLUMNS` per database, scheme, receiver, SNR and step, and one for all steps together.

    `median_ms` is wall time, `cpu_ms` the processor time of all threads; both are medians over packets. The
    fractions of the steps come from a separate run.
    """
    for features, size in databases(data, settings.simulate, settings.seed):
        last: Row = {**size, "queries": len(features.queries), **data.source}
        for name in settings.schemes:
            head_labels = head_labels_for(features.num_labels)
            scheme = build_scheme(parse_scheme(name), features, head_labels, settings.of_index)
            packets = [scheme.pack(query) for query in features.queries]
            for receiver in data.track(settings.receivers, "timing receivers", len(settings.receivers)):
                for snr_db in settings.snr_db:
                    signals = signals_of(scheme, packets, snr_db, settings.seed, settings.packets)
                    for timed in _timed(scheme, signals, receiver):
                        yield {"scheme": name, "receiver": receiver, "snr_db": snr_db, **timed, **last}


def signals_of(
    scheme: Scheme, packets: Sequence[bytes], snr_db: float, seed: int, count: int | None = None
) -> list[ReceivedSignal]:
    """`count` received signals, by default one of each packet; packets repeat, each time with other noise."""
    link = LinkSettings(snr_db=snr_db, seed=seed)
    return [
        transmit(packets[number % len(packets)], scheme.format, link, f"{number}")
        for number in range(len(packets) if count is None else count)
    ]


def _timed(scheme: Scheme, signals: list[ReceivedSignal], receiver: str) -> Iterator[Row]:
    name = receiver_name(receiver)

    def decode(number: int) -> None:
        decoded = receive(scheme.index.summary, [signals[number]], name)
        rank(scheme.index, decoded, scheme.spec.ranking)

    decode(0)  # what is learned or tabulated at the first packet
    times = interleaved({name: decode}, len(signals), runs=1)[name]
    fractions = step_fractions(decode, range(len(signals)), STEPS)
    for step, fraction in {TOTAL: 1.0, **fractions}.items():
        yield {
            "step": step,
            "median_ms": round(fraction * times.median_ms, 3),
            "cpu_ms": round(1e3 * fraction * median(times.cpu[0].tolist()), 3),
            "packets": len(signals),
        }


EXPERIMENT = Experiment(
    name="decoding",
    help="Time to decode one packet, by step; OPENBLAS_NUM_THREADS=1 keeps it on one core.",
    columns=COLUMNS,
    settings=DecodingSettings,
    run=run,
)
