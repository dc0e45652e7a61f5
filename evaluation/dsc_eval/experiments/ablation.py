"""Ablation of the receiver over noise: its ingredients one at a time, with BPSK and the same noise."""

from collections.abc import Iterator, Sequence

from pydantic import BaseModel, ConfigDict, Field, field_validator

from dsc_common.benchmark.metrics import mean
from dsc_common.radio.link import HeadProtection, LinkSettings
from dsc_common.radio.modes import Mode
from dsc_eval.experiments.experiment import Experiment
from dsc_eval.experiments.noise import NoiseSettings, noise_columns
from dsc_eval.offline.benchmark_data import SOURCE_COLUMNS, BenchmarkData
from dsc_eval.offline.over_the_air import Packets, packets_of, send_enough
from dsc_eval.offline.scheme import build_scheme, head_labels_for
from dsc_eval.offline.score_columns import average_precisions, score_columns
from dsc_eval.offline.shared_lists import SharedLists
from dsc_eval.output import Row
from dsc_eval.scheme_names import SchemeName
from dsc_eval.scored_rows import ScoredRow
from dsc_server.receiving.registry import receiver_name
from dsc_server.scheme_specs import parse_scheme

COLUMNS = (
    "step",
    "scheme",
    "receiver",
    "snr_db",
    "mAP",
    "mAP_low",
    "mAP_high",
    "gain",
    "of",
    "head_protection",
    "head_error_rate",
    "wrong_partition_rate",
    "mode",
    "uses",
    "energy",
    "draws",
    "queries",
    "database",
    "simulated",
    "mAP_trapezoidal",
    "noise_error",
    "groups",
    *SOURCE_COLUMNS,
)


_SCORES = ("queries", "groups", "mAP", "mAP_low", "mAP_high", "mAP_trapezoidal")


class Step(BaseModel):
    """One step, on the scheme and receiver of the one before.

    Attributes:
        of: the scheme that it belongs to.
        step: what is new, in words.
        scheme: what is measured: `of` with changes.
        receiver: by name.
        head_protection: how the head travels.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    of: SchemeName
    step: str = Field(min_length=1)
    scheme: SchemeName
    receiver: str
    head_protection: HeadProtection = HeadProtection.CHANNEL

    @field_validator("receiver")
    @classmethod
    def _receiver(cls, name: str) -> str:
        receiver_name(name)
        return name


class AblationSettings(NoiseSettings):
    """Settings of the ablation.

    Attributes:
        schemes: whose steps are measured.
        steps: of all schemes, in order.
        snr_db: the points, finite.
    """

    schemes: list[str] = Field(min_length=1, description="Schemes whose steps are measured.")
    steps: list[Step] = Field(min_length=1)
    snr_db: list[float] = Field(min_length=1)

    @field_validator("snr_db")
    @classmethod
    def _points(cls, values: list[float]) -> list[float]:
        for snr_db in values:
            LinkSettings(snr_db=snr_db)
        return values


def run(data: BenchmarkData, settings: AblationSettings) -> Iterator[Row]:
    """One row of `COLUMNS` per step and SNR; `gain` is over the step before, of the same scheme."""
    shared = SharedLists(data.features, settings.of_index)
    steps = [step for of in settings.schemes for step in settings.steps if step.of == of]
    packets: dict[str, Packets] = {}
    previous: dict[tuple[str, float], float] = {}
    for step in data.track(steps, "measuring steps", len(steps)):
        if step.scheme not in packets:
            head_labels = head_labels_for(data.features.num_labels)
            spec = parse_scheme(step.scheme)
            scheme = build_scheme(spec, data.features, head_labels, settings.of_index, shared)
            packets[step.scheme] = packets_of(scheme, data)
        for snr_db in settings.snr_db:
            row, precisions = _row(packets[step.scheme], step, snr_db, settings, data.groups())
            place, precision = (step.of, snr_db), float(row["mAP"])
            gain = round(precision - previous[place], 6) if place in previous else ""
            previous[place] = precision
            further = {"gain": gain, "database": len(data.features.database), **data.source}
            yield ScoredRow(row | further, dict(enumerate(precisions)))


def _row(
    packets: Packets, step: Step, snr_db: float, settings: AblationSettings, groups: Sequence[str]
) -> tuple[Row, list[float]]:
    link = LinkSettings(Mode.BPSK, snr_db, settings.seed, head_protection=step.head_protection)
    outcomes = send_enough(packets, link, [step.receiver], settings.draws_over(link))[step.receiver]
    scores = [[outcome.score for outcome in draws] for draws in outcomes]
    columns = score_columns(scores, groups, settings.seed, None)
    flat = [outcome for draws in outcomes for outcome in draws]
    row: Row = {
        **step.model_dump(mode="json"),
        "snr_db": snr_db,
        **{name: columns[name] for name in _SCORES},
        **noise_columns(outcomes, link),
        "head_error_rate": round(mean([outcome.head_wrong for outcome in flat]), 6),
        "wrong_partition_rate": round(mean([outcome.missing for outcome in flat]), 6),
        "mode": str(link.mode),
        "uses": flat[0].link.channel_uses,
        "energy": flat[0].link.energy,
        "simulated": 0,
    }
    return row, average_precisions(scores)


EXPERIMENT = Experiment(
    name="ablation",
    help="Ablation of the receiver over noise, at 376 uses of BPSK.",
    columns=COLUMNS,
    settings=AblationSettings,
    run=run,
    shown=(*COLUMNS[:7], "mAP_trapezoidal", "gain", "database", "simulated"),
    compared=("of", "step"),
    condition=("snr_db", "database", "simulated"),
)
