"""Settings of `dsc-eval bench training`; torch is not needed to read them."""

from pydantic import BaseModel, ConfigDict, Field

from dsc_eval.experiments.settings import MAX_SEEDS

NAME = "training"
SHOWN = (
    *("dataset", "fold", "queries", "database", "mAP_before", "mAP"),
    *("gain", "gain_low", "gain_high", "p", "minutes"),
)


class TrainingBenchSettings(BaseModel):
    """Settings of the benchmark.

    Attributes:
        backbone: network to start from.
        folds: number of folds by groups of queries.
        epochs, longest_side, rate, margin, negatives, pool: as of `dsc-model train`.
        test_side: longest side of photos for the test, pixels; None: that of training.
        held_out: fraction of the groups of a fold's training that validate it.
        seed: of training, held-out groups, and the bootstrap.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    backbone: str = Field(default="efficientnet-lite0", description="Network. (default: efficientnet-lite0)")
    folds: int = Field(default=5, ge=2, description="Folds by groups of queries. (default: 5)")
    epochs: int = Field(default=2, ge=1, description="Epochs. (default: 2)")
    longest_side: int = Field(default=362, ge=32, le=4096, description="Longest side, pixels. (default: 362)")
    rate: float = Field(default=1e-5, gt=0, lt=1, description="Learning rate. (default: 1e-5)")
    margin: float = Field(default=0.85, gt=0, le=2, description="Margin of eq. (9). (default: 0.85)")
    negatives: int = Field(default=5, ge=1, description="Hard negatives of a tuple. (default: 5)")
    queries: int = Field(default=2000, ge=1, description="Tuples of an epoch. (default: 2000)")
    pool: int = Field(default=20_000, ge=1, description="Photos that are mined. (default: 20000)")
    test_side: int | None = Field(
        default=None, ge=32, le=4096, description="Longest side of the test, pixels. (default: of training)"
    )
    held_out: float = Field(default=0.2, gt=0, lt=1, description="Fraction for validation. (default: 0.2)")
    seed: int = Field(default=0, ge=0, lt=MAX_SEEDS, description="Seed of everything that is random.")
