"""Settings of load tests: what is offered, what a rate has to keep to, how long a step is."""

from pydantic import BaseModel, ConfigDict, Field

from dsc_eval.experiments.settings import POINTS_HELP
from dsc_eval.load.mixing import Kind, kinds_of
from dsc_eval.load.open_loop import DEFAULT_IN_FLIGHT, MAX_PER_S, OpenPlan
from dsc_eval.load_test.ramp import RampPlan
from dsc_eval.load_test.step import Bound
from dsc_eval.scheme_names import SchemeNames
from dsc_server.scheme_specs import DEFAULT_SCHEME

MAX_MINUTES = 7 * 24 * 60.0
_WEIGHTS = "A weight may follow each, as in {example}."


class OfferSettings(BaseModel):
    """What load tests and soak tests have in common; each setting with a description is an option.

    Attributes:
        schemes: of the services that the test starts, one server for each.
        snr_db, modes, receivers: all their combinations are mixed, in proportion to their weights.
        p99_ms, max_errors: what a rate has to keep to.
        start_per_second: first rate of a ramp.
        most_per_second: last rate.
        answers: a step is long enough for so many requests.
        step_s, max_step_s: shortest and longest step.
        warm_up_s: seconds before each step.
        max_in_flight: requests under way at once.
        connections: that they share; of each generator.
        generators: processes that send.
        seed: of arrivals, mix, noise and index.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    schemes: SchemeNames = Field(
        default=[DEFAULT_SCHEME],
        min_length=1,
        description=f"Schemes of the services that are started. (default: {DEFAULT_SCHEME})",
    )
    snr_db: str = Field(
        default="0,5,10,inf",
        description=f"{POINTS_HELP} {_WEIGHTS.format(example='0,5:2,inf')} (default: 0,5,10,inf)",
    )
    modes: str | None = Field(
        default=None,
        description=f"Modes that are mixed. {_WEIGHTS.format(example='bpsk:3,hybrid')} (default: bpsk)",
    )
    receivers: str | None = Field(
        default=None, description="Receivers that are mixed, as modes are. (default: the server's)"
    )
    p99_ms: float = Field(
        default=50.0, gt=0, le=600_000, description="Bound of the 99th percentile. (default: 50)"
    )
    max_errors: float = Field(
        default=0.001, ge=0, le=1, description="Fraction of requests that may have errors. (default: 0.001)"
    )
    start_per_second: float = Field(
        default=50.0, ge=1, le=MAX_PER_S, description="First rate of a ramp. (default: 50)"
    )
    most_per_second: float = Field(
        default=20_000.0, ge=1, le=MAX_PER_S, description="Highest rate of a ramp. (default: 20000)"
    )
    answers: int = Field(
        default=1000, ge=1, le=10_000_000, description="Requests of a step, at least. (default: 1000)"
    )
    step_s: float = Field(default=3.0, gt=0, le=3600, description="Seconds of a step, at least. (default: 3)")
    max_step_s: float = Field(
        default=30.0, gt=0, le=3600, description="Seconds of a step, at most. (default: 30)"
    )
    warm_up_s: float = Field(
        default=1.0, ge=0, le=600, description="Seconds before a step that do not count. (default: 1)"
    )
    max_in_flight: int = Field(
        default=DEFAULT_IN_FLIGHT,
        ge=1,
        le=100_000,
        description=f"Requests under way at once; more are not sent. (default: {DEFAULT_IN_FLIGHT})",
    )
    connections: int | None = Field(
        default=None, ge=1, le=500, description="Connections of each generator. (default: 8)"
    )
    generators: int = Field(default=1, ge=1, le=64, description="Generator processes. (default: 1)")
    seed: int = Field(
        default=0, ge=0, le=(1 << 32) - 1, description="Seed of arrivals, mix and noise. (default: 0)"
    )

    @property
    def kinds(self) -> list[Kind]:
        """Kinds of packets; InvalidInputError if a value is not as expected."""
        return kinds_of(self.modes, self.snr_db, self.receivers)

    @property
    def bound(self) -> Bound:
        """What a rate has to keep to."""
        return Bound(self.p99_ms, self.max_errors)

    @property
    def ramp(self) -> RampPlan:
        """Rates of a ramp."""
        return RampPlan(start=self.start_per_second, most=self.most_per_second)

    def plan(self, per_second: float, seconds: float | None = None) -> OpenPlan:
        """A step at a rate.

        Args:
            per_second: the rate.
            seconds: length; None: long enough for `answers` requests.
        """
        enough = min(max(self.step_s, self.answers / per_second), self.max_step_s)
        length = enough if seconds is None else seconds
        return OpenPlan(per_second, length, self.warm_up_s, self.max_in_flight, self.seed)


class LoadTestSettings(OfferSettings):
    """Settings of a load test.

    Attributes:
        overload: whether twice the limit is offered as well.
    """

    overload: bool = Field(
        default=False, description="Offer twice the limit as well: how is the rest refused?"
    )


class SoakSettings(OfferSettings):
    """Settings of a soak test.

    Attributes:
        minutes: length.
        per_second: rate; None: half of the limit, which a ramp finds first.
        segment_s: seconds of a report; then the generators connect again.
        sample_s: seconds between two looks at the processes.
        growth_percent: growth of memory that counts as flat, in percent of its median, over the judged time.
    """

    minutes: float = Field(default=10.0, gt=0, le=MAX_MINUTES, description="Length. (default: 10)")
    per_second: float | None = Field(
        default=None, gt=0, le=MAX_PER_S, description="Rate. (default: half of the limit, found first)"
    )
    segment_s: float = Field(
        default=15.0, gt=0, le=3600, description="Seconds of a report on requests. (default: 15)"
    )
    sample_s: float = Field(
        default=1.0, gt=0, le=3600, description="Seconds between two looks at processes. (default: 1)"
    )
    growth_percent: float = Field(
        default=3.0,
        ge=0,
        le=1000,
        description="Growth of memory that counts as flat, in percent of its median. (default: 3)",
    )
