"""Settings of experiments over noise: how many realisations each query is sent in."""

from collections.abc import Sequence

from pydantic import Field, model_validator

from dsc_common.radio.link import LinkSettings
from dsc_eval.experiments.settings import ExperimentSettings
from dsc_eval.offline.over_the_air import Draws, Outcome, draws_of, noise_error


class NoiseSettings(ExperimentSettings):
    """Settings of an experiment over noise.

    Attributes:
        draws: noise realisations per query.
        noise_error: standard error of mAP from the noise above which draws are added; None: never.
        max_draws: at most so many, where draws are added.
    """

    draws: int = Field(default=3, ge=1, le=1000, description="Noise realisations per query.")
    noise_error: float | None = Field(
        default=None,
        gt=0,
        description="Standard error of mAP from the noise: while a point exceeds it, draws are added.",
    )
    max_draws: int = Field(
        default=20, ge=1, le=1000, description="Limit on the draws of a point, with --noise-error."
    )

    @model_validator(mode="after")
    def _limit_above(self) -> "NoiseSettings":
        if self.noise_error is not None and self.max_draws < self.draws:
            raise ValueError(f"expected max_draws from {self.draws} (draws), got {self.max_draws}")
        return self

    def draws_over(self, link: LinkSettings) -> Draws:
        """Draws of a point."""
        return draws_of(link, Draws(self.draws, self.max_draws, self.noise_error))


def noise_columns(outcomes: Sequence[Sequence[Outcome]], link: LinkSettings) -> dict[str, int | float | str]:
    """Number of draws, and what uncertainty the noise leaves; empty where one draw of noise cannot say."""
    draws = len(outcomes[0])
    if draws > 1:
        return {"draws": draws, "noise_error": round(noise_error(outcomes), 6)}
    nothing_random = draws_of(link, Draws(2, 2)).least == 1
    return {"draws": draws, "noise_error": 0.0 if nothing_random else ""}
