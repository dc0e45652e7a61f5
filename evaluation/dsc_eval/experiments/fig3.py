"""Fig. 3: mAP against SNR, and its causes: wrong bits, wrong heads, partitions not read."""

import math
from collections.abc import Iterator, Sequence

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from dsc_common.benchmark.metrics import mean
from dsc_common.cli.link_settings import with_link_fields
from dsc_common.packet.format import PacketFormat
from dsc_common.radio.framing import frame_of
from dsc_common.radio.link import LinkSettings
from dsc_common.radio.modes import SPECS, Mode
from dsc_eval.experiments.databases import databases
from dsc_eval.experiments.experiment import Experiment
from dsc_eval.experiments.limit_check import beats_limit
from dsc_eval.experiments.noise import NoiseSettings, noise_columns
from dsc_eval.experiments.settings import POINTS_HELP, RECEIVERS_HELP, SIMULATE_HELP
from dsc_eval.offline.benchmark_data import SOURCE_COLUMNS, BenchmarkData
from dsc_eval.offline.companions import combinations
from dsc_eval.offline.over_the_air import Outcome, Packets, packets_of, send_enough
from dsc_eval.offline.scheme import build_scheme, head_labels_for
from dsc_eval.offline.score_columns import average_precisions, score_columns
from dsc_eval.offline.shared_lists import SharedLists, naming
from dsc_eval.output import Row
from dsc_eval.scored_rows import ScoredRow
from dsc_server.building.scheme_format import scheme_format
from dsc_server.receiving.registry import receiver_name
from dsc_server.scheme_specs import Partitioning, SchemeSpec, parse_scheme

COLUMNS = (
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
    "head_undetected_rate",
    "scheme",
    "receiver_name",
    "fading",
    "channel_knowledge",
    "fec",
    "head_protection",
    "wrong_partition_rate",
    "recall",
    "packet_error_rate",
    "confidence",
    "candidates",
    "energy_to_noise_db",
    "beats_limit",
    "complex_uses",
    "packet_bytes",
    "queries",
    "database",
    "simulated",
    "mAP_trapezoidal",
    "noise_error",
    "recall_at",
    "groups",
    *SOURCE_COLUMNS,
)
SHOWN = (
    *("scheme", "mode", "receiver", "snr_db", "database", "simulated", "uses"),
    *("mAP", "mAP_low", "mAP_high", "mAP_trapezoidal", "ber", "head_error_rate", "head_undetected_rate"),
    *("wrong_partition_rate", "beats_limit"),
)
LINK = (
    *("fading", "rician_k_db", "fading_block_uses", "channel_knowledge"),
    *("fec", "uses", "head_protection"),
)


@with_link_fields(*LINK)
class _OverTheAir(NoiseSettings):
    modes: list[Mode] = Field(
        default=[Mode.BPSK], min_length=1, description=f"Transmission modes: {', '.join(Mode)}."
    )
    receivers: list[str] = Field(default=["hard", "default"], min_length=1, description=RECEIVERS_HELP)
    snr_db: list[float] = Field(min_length=1, description=POINTS_HELP)


class Curve(BaseModel):
    """A scheme and the mode that sends it."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    scheme: str
    mode: Mode


class Fig3Settings(_OverTheAir):
    """Settings of Fig. 3; link settings that are the same at all points (`LINK`) are fields as well.

    Attributes:
        modes: modulations of the packets.
        receivers: names of receivers.
        snr_db: SNR of each point, in dB; inf: no noise.
        simulate: number of simulated images that are added to the database.
        curves: pairs of schemes and modes that are drawn, of `schemes` and `modes`; all pairs by default.
    """

    simulate: int = Field(default=0, ge=0, description=f"Number of simulated images added; {SIMULATE_HELP}.")
    curves: list[Curve] = Field(default=[])

    @field_validator("receivers")
    @classmethod
    def _known(cls, receivers: list[str]) -> list[str]:
        for name in receivers:
            receiver_name(name)
        return receivers

    @field_validator("modes", "receivers", "snr_db")
    @classmethod
    def _once(cls, values: list[object]) -> list[object]:
        return list(dict.fromkeys(values))

    @model_validator(mode="after")
    def _possible(self) -> "Fig3Settings":
        for scheme, mode in self.pairs():
            for snr_db in self.snr_db:
                link = self.link(mode, snr_db)
            nominal = _format(parse_scheme(scheme), PacketFormat().num_partitions, 1280)
            frame_of(nominal, mode, link.fec)  # how many uses are enough depends on the model
        return self

    def pairs(self) -> list[tuple[str, Mode]]:
        """Schemes with the modes that send them."""
        chosen = [
            (curve.scheme, curve.mode)
            for curve in self.curves
            if curve.scheme in self.schemes and curve.mode in self.modes
        ]
        return chosen or list(combinations(self.schemes, self.modes))

    def link(self, mode: Mode, snr_db: float) -> LinkSettings:
        """How a packet is sent in the first draw."""
        same = {name: getattr(self, name) for name in LINK}
        return LinkSettings(mode, snr_db, self.seed, **same)


def require_fit(settings: Fig3Settings, num_labels: int, feature_dim: int) -> None:
    """Raise InvalidInputError where a packet of this K and F does not fit the uses."""
    for scheme, mode in settings.pairs():
        fmt = _format(parse_scheme(scheme), num_labels, feature_dim)
        link = settings.link(mode, settings.snr_db[0])
        frame_of(fmt, mode, link.fec, link.uses)


def _format(spec: SchemeSpec, num_labels: int, feature_dim: int) -> PacketFormat:
    fmt = PacketFormat(num_partitions=num_labels, head_labels=head_labels_for(num_labels))
    by_label = spec.partitioning is Partitioning.LABEL
    with naming(spec):
        return scheme_format(fmt, spec, num_labels if by_label else spec.num_cells, feature_dim)


def run(data: BenchmarkData, settings: Fig3Settings) -> Iterator[Row]:
    """One row of `COLUMNS` per scheme, mode, receiver and SNR."""
    [(features, size)] = databases(data, [settings.simulate], settings.seed)
    shared = SharedLists(features, settings.of_index)
    head_labels = head_labels_for(features.num_labels)
    packets: dict[str, Packets] = {}
    points = [
        (scheme, settings.link(mode, snr_db))
        for scheme, mode in settings.pairs()
        for snr_db in settings.snr_db
    ]
    for name, link in data.track(points, "measuring points", len(points)):
        if name not in packets:
            spec = parse_scheme(name)
            scheme = build_scheme(spec, features, head_labels, settings.of_index, shared)
            packets[name] = packets_of(scheme, data, settings.recall_cut(spec))
        draws = settings.draws_over(link)
        for receiver, outcomes in send_enough(packets[name], link, settings.receivers, draws).items():
            curve = {"scheme": name, "receiver": receiver, "receiver_name": receiver_name(receiver)}
            scores = [[outcome.score for outcome in of_query] for of_query in outcomes]
            columns = score_columns(scores, data.groups(), settings.seed, packets[name].cut)
            row = _row(packets[name].scheme.format, link, outcomes)
            precisions = dict(enumerate(average_precisions(scores)))
            yield ScoredRow({**curve, **columns, **row, **size, **data.source}, precisions)


def _row(fmt: PacketFormat, link: LinkSettings, outcomes: Sequence[Sequence[Outcome]]) -> Row:
    flat = [outcome for of_query in outcomes for outcome in of_query]
    digital = not SPECS[link.mode].sends_feature
    packet_error_rate = mean([outcome.packet_wrong for outcome in flat]) if digital else None
    head_error_rate = mean([outcome.head_wrong for outcome in flat])
    uses = flat[0].link.channel_uses
    return {
        "mode": str(link.mode),
        **noise_columns(outcomes, link),
        **_link_columns(flat, link),
        "head_error_rate": round(head_error_rate, 6),
        "head_undetected_rate": round(mean([outcome.undetected for outcome in flat]), 6),
        "wrong_partition_rate": round(mean([outcome.missing for outcome in flat]), 6),
        "packet_error_rate": "" if packet_error_rate is None else round(packet_error_rate, 6),
        "confidence": round(mean([outcome.confidence for outcome in flat]), 6),
        "beats_limit": beats_limit(fmt, link, uses, packet_error_rate, head_error_rate, len(flat)),
        "packet_bytes": fmt.packet_bytes,
    }


def _link_columns(flat: Sequence[Outcome], link: LinkSettings) -> Row:
    reports = [outcome.link for outcome in flat]
    bits, energy = mean([report.bits_sent for report in reports]), mean([report.energy for report in reports])
    return {
        "snr_db": link.snr_db,
        "uses": reports[0].channel_uses,
        "energy": round(energy, 6),
        "ber": round(mean([report.bit_errors for report in reports]) / bits, 8) if bits else 0.0,
        "fading": str(link.fading),
        "channel_knowledge": int(link.channel_knowledge),
        "fec": str(link.fec),
        "head_protection": str(link.head_protection),
        "energy_to_noise_db": energy_to_noise_db(energy, link),
        "complex_uses": int(reports[0].complex_uses),
    }


def energy_to_noise_db(energy: float, link: LinkSettings) -> float | str:
    """Energy of a query over the variance of the noise in a real dimension (N0/2), in dB; empty without any.

    It is uses · SNR of real modes at unit power, and twice that of complex ones, whose noise is spread over
    two dimensions: the one measure by which modes that send unequal energy in unequal uses can be compared.
    """
    if not energy:
        return ""
    return round(10 * math.log10(energy * SPECS[link.mode].samples_per_use) + link.snr_db, 4)


EXPERIMENT = Experiment(
    name="fig3",
    help="Fig. 3: mAP against SNR, and its causes; modes that send features uncoded use schemes for them.",
    columns=COLUMNS,
    settings=Fig3Settings,
    run=run,
    shown=SHOWN,
    compared=("scheme", "mode", "receiver"),
    condition=("snr_db", "database", "simulated"),
    require_fit=require_fit,
)
