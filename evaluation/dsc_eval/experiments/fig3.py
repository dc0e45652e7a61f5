"""Fig. 3: mAP against SNR, with what causes it: bit errors, and heads that arrive wrong.

The noise is keyed on (seed, request id) as it is online: draw n of a query has the seed + n, and the query's
number as its request id.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from pydantic import Field, field_validator

from dsc_channel.reporting import report
from dsc_channel.transmission import transmit
from dsc_common.link import LinkReport, LinkSettings
from dsc_common.modulation import Mode
from dsc_eval.bootstrap import bootstrap_mean
from dsc_eval.experiments.databases import Material
from dsc_eval.experiments.settings import ExperimentSettings
from dsc_eval.metrics import mean, score_ranking
from dsc_eval.output import Row
from dsc_eval.schemes import Scheme, build_scheme
from dsc_server.ranking import rank
from dsc_server.receiver import receive, receiver_name
from dsc_server.scheme_specs import parse_scheme

NAME = "fig3"
COLUMNS = (
    "scheme",
    "mode",
    "receiver",
    "snr_db",
    "uses",
    "energy",
    "draws",
    "mAP",
    "mAP_low",
    "mAP_high",
    "ber",
    "head_error_rate",
    "packet_bytes",
    "queries",
    "database",
    "simulated",
)
HEAD_LABELS = 5


class Fig3Settings(ExperimentSettings):
    """Settings of Fig. 3.

    Attributes:
        modes: how packets go on the air.
        receivers: names of receivers.
        snr_db: the points; inf is no noise.
        draws: of the noise, per query.
    """

    modes: list[Mode] = Field(default=[Mode.BPSK], min_length=1)
    receivers: list[str] = Field(default=["hard"], min_length=1)
    snr_db: list[float] = Field(min_length=1)
    draws: int = Field(default=5, ge=1)

    @field_validator("receivers")
    @classmethod
    def _known(cls, receivers: list[str]) -> list[str]:
        for name in receivers:
            receiver_name(name)
        return receivers


@dataclass(frozen=True)
class _Point:
    """One curve's point: how packets are sent and received, over how many draws."""

    mode: Mode
    receiver: str
    snr_db: float
    draws: int
    seed: int


def run(material: Material, settings: Fig3Settings) -> Iterator[Row]:
    """One row of `COLUMNS` per scheme, mode, receiver and SNR."""
    for name in material.track(settings.schemes, "measuring schemes", len(settings.schemes)):
        head_labels = min(HEAD_LABELS, material.features.num_labels)
        scheme = build_scheme(parse_scheme(name), material.features, head_labels, settings.seed)
        packets = [scheme.pack(query) for query in material.features.queries]
        for point in _points(settings):
            yield {"scheme": name, **_row(material, scheme, packets, point)}


def _points(settings: Fig3Settings) -> Iterator[_Point]:
    for mode in settings.modes:
        for receiver in settings.receivers:
            for snr_db in settings.snr_db:
                draws = 1 if snr_db == math.inf else settings.draws
                yield _Point(mode, receiver, snr_db, draws, settings.seed)


def _row(material: Material, scheme: Scheme, packets: list[bytes], point: _Point) -> Row:
    precisions = np.zeros((len(packets), point.draws))
    reports: list[LinkReport] = []
    for number, data in enumerate(packets):
        for draw in range(point.draws):
            precision, link = _ask(material, scheme, data, number, point, draw)
            precisions[number, draw] = precision
            reports.append(link)
    per_query = precisions.mean(axis=1).tolist()
    interval = bootstrap_mean(per_query, point.seed)
    bits = 8 * scheme.format.packet_bytes
    return {
        "mode": str(point.mode),
        "receiver": point.receiver,
        "snr_db": point.snr_db,
        "uses": reports[0].channel_uses,
        "energy": reports[0].energy,
        "draws": point.draws,
        "mAP": round(interval.mean, 6),
        "mAP_low": round(interval.low, 6),
        "mAP_high": round(interval.high, 6),
        "ber": round(mean([link.bit_errors for link in reports]) / bits, 8),
        "head_error_rate": round(mean([not link.head_ok for link in reports]), 6),
        "packet_bytes": scheme.format.packet_bytes,
        "queries": len(packets),
        "database": len(material.features.database),
        "simulated": 0,
    }


def _ask(
    material: Material, scheme: Scheme, data: bytes, number: int, point: _Point, draw: int
) -> tuple[float, LinkReport]:
    """Average precision of query `number` in one draw of the noise, and what became of its packet."""
    link = LinkSettings(point.mode, point.snr_db, point.seed + draw)
    signals = [transmit(data, scheme.format, link, f"query-{number}")]
    reading = receive(scheme.index, signals, receiver_name(point.receiver))
    ranked = rank(scheme.index, reading, scheme.spec.ranking)
    query = material.benchmark.queries[number]
    score = score_ranking(ranked.images, query.positives, query.junk, ())
    return score.average_precision, report(data, scheme.format, link, signals, reading.head.labels.tolist())
