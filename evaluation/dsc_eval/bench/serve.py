"""Requests per second and latency of a server and a channel, beside an empty call of the same server.

Server, channel and load generator are processes. In each run a server starts, and all numbers of clients and
all calls are measured on it, in turn; the next run has another server. An empty call is a health check: what
gRPC takes for a request that computes nothing.
"""

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from pydantic import Field, field_validator

from dsc_common.features.extraction import Extraction
from dsc_common.radio.link import LinkChoice
from dsc_common.retrieval.options import RetrievalOptions
from dsc_eval.bench.bench import Bench, BenchSettings, SnrPoints
from dsc_eval.bench.search import queries_to_ask
from dsc_eval.bench.serving_bed import Measured, serving_bed
from dsc_eval.bench.threads import limited_threads
from dsc_eval.experiments.databases import databases
from dsc_eval.experiments.settings import POINTS_HELP
from dsc_eval.load.calling import EMPTY_REQUEST, Method
from dsc_eval.load.closed_loop import Plan
from dsc_eval.load.cores import assigned, available_cores
from dsc_eval.load.packets import encode_offline
from dsc_eval.load.requests import retrieve_requests, transmit_requests
from dsc_eval.load.served_index import write_index
from dsc_eval.offline.benchmark_data import BenchmarkData
from dsc_eval.output import Row, rounded
from dsc_eval.scheme_names import SchemeName
from dsc_server.scheme_specs import DEFAULT_SCHEME

MOST_CLIENTS = 10_000
_LATENCIES = ("p50_ms", "p90_ms", "p99_ms")


class Point(NamedTuple):
    """What is measured: a call by so many clients. Empty calls have the SNR of what is beside them."""

    snr_db: float
    clients: int
    method: Method


class ServeSettings(BenchSettings):
    """Settings of the benchmark.

    Attributes:
        scheme: of the index.
        snr_db: of the packets.
        queries: most queries whose packets are sent, in turn.
        clients: numbers of clients.
        seconds: length of a measurement.
        warm_up_s: seconds before it.
        connections: that the clients share; None: one for each.
    """

    scheme: SchemeName = Field(
        default=DEFAULT_SCHEME, description=f"Scheme of the index. (default: {DEFAULT_SCHEME})"
    )
    snr_db: SnrPoints = Field(default=[5.0], min_length=1, description=f"{POINTS_HELP} (default: 5)")
    queries: int = Field(
        default=200, ge=1, description="Queries, evenly spread if there are more. (default: 200)"
    )
    clients: list[int] = Field(
        default=[1, 4, 16, 64, 256], min_length=1, description="Numbers of clients. (default: 1,4,16,64,256)"
    )
    seconds: float = Field(default=2.0, gt=0, le=3600, description="Seconds of a measurement. (default: 2)")
    warm_up_s: float = Field(default=0.5, ge=0, le=3600, description="Seconds before it. (default: 0.5)")
    connections: int | None = Field(
        default=None, ge=1, description="Connections that the clients share. (default: one for each)"
    )

    @field_validator("clients")
    @classmethod
    def _counts(cls, values: list[int]) -> list[int]:
        if not all(1 <= count <= MOST_CLIENTS for count in values):
            raise ValueError(f"expected numbers of clients from 1 to {MOST_CLIENTS}, got {values}")
        return sorted(set(values))


def run(data: BenchmarkData, settings: ServeSettings) -> Iterator[Row]:
    """One row per database, SNR, number of clients and call."""
    cores = assigned(available_cores())
    numbers = queries_to_ask(len(data.features.queries), settings.queries)
    queries = [data.features.queries[number] for number in numbers]
    for features, size in databases(data, settings.simulate, settings.seed):
        with tempfile.TemporaryDirectory() as folder:
            index = Path(folder) / "index"
            with limited_threads(settings.threads):
                write_index(features, index, settings.scheme, settings.seed)
            messages = _messages(index, queries, settings)
            first_request = messages[Method.RETRIEVE, settings.snr_db[0]][0]
            starts: list[tuple[float, float]] = []
            measured: dict[Point, list[Measured]] = {point: [] for point in _points(settings)}
            for _ in data.track(range(settings.runs), "serving", settings.runs):
                with serving_bed(index, cores, first_request) as bed:
                    starts.append((bed.server.start_s, bed.first_answer_s))
                    for point, results in measured.items():
                        plan = Plan(point.clients, settings.seconds, settings.warm_up_s)
                        requests = messages[point.method, point.snr_db]
                        results.append(bed.measure(point.method, requests, plan, settings.connections))
        listening_s, first_answer_s = (_median(seconds) for seconds in zip(*starts, strict=True))
        last: Row = {"listening_s": listening_s, "first_answer_s": first_answer_s, **cores.columns(), **size}
        for row in rows_of(measured):
            yield {**row, **last, "queries": len(queries), **data.source}


def _points(settings: ServeSettings) -> Iterator[Point]:
    for clients in settings.clients:
        for snr_db in settings.snr_db:
            for method in Method:
                yield Point(snr_db, clients, method)


def _messages(
    index: Path, queries: Sequence[Extraction], settings: ServeSettings
) -> dict[tuple[Method, float], list[bytes]]:
    """Encoded requests of each call and SNR."""
    packets = encode_offline(index, queries)
    messages = {}
    for snr_db in settings.snr_db:
        link, options = LinkChoice(snr_db=snr_db, seed=settings.seed), RetrievalOptions()
        messages[Method.EMPTY, snr_db] = [EMPTY_REQUEST]
        messages[Method.RETRIEVE, snr_db] = retrieve_requests(packets, link, options)
        messages[Method.TRANSMIT, snr_db] = transmit_requests(packets, link, options)
    return messages


def rows_of(measured: Mapping[Point, Sequence[Measured]]) -> Iterator[Row]:
    """A row per point: medians over the runs, the least and the largest rate, and all errors.

    `of_empty` is the rate divided by that of empty calls of as many clients in the same run, the median.
    """
    for point, runs in measured.items():
        rates = np.array([run.report.per_second for run in runs])
        empty = measured[Point(point.snr_db, point.clients, Method.EMPTY)]
        fractions = rates / np.maximum([run.report.per_second for run in empty], 1e-9)
        yield {
            "call": point.method,
            "clients": point.clients,
            "snr_db": point.snr_db,
            "per_second": rounded(np.median(rates)),
            "per_second_min": rounded(rates.min()),
            "per_second_max": rounded(rates.max()),
            "of_empty": rounded(np.median(fractions)),
            **{name: _median([getattr(run.report, name) for run in runs]) for name in _LATENCIES},
            "max_ms": rounded(np.max([run.report.max_ms or 0.0 for run in runs])),
            "answered": sum(run.report.answered for run in runs),
            "errors": sum(run.report.errors for run in runs),
            "server_cpu_ms": _median([run.server_cpu_ms for run in runs]),
            "channel_cpu_ms": _median([run.channel_cpu_ms for run in runs]),
            "generator_cpu_ms": _median([run.report.generator_cpu_ms for run in runs]),
            "generator_busy": _median([run.report.generator_busy for run in runs]),
            "runs": len(runs),
        }


def _median(values: Sequence[float | None]) -> float | str:
    """Empty where no run has a value."""
    known = [value for value in values if value is not None]
    return rounded(np.median(known)) if known else ""


BENCH = Bench(
    name="serve",
    help="Requests per second of server and channel, beside an empty call; latency.",
    settings=ServeSettings,
    run=run,
    shown=(
        *("database", "snr_db", "clients", "call", "per_second", "per_second_min", "per_second_max"),
        *("of_empty", "p50_ms", "p99_ms", "errors", "server_cpu_ms", "generator_busy"),
    ),
)
