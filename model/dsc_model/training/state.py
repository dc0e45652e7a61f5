"""Where a training is: its epoch and step, the tuples of the epoch, what was measured so far."""

from dataclasses import asdict, dataclass, field

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Plan:
    """The tuples of an epoch, by position: a query, its positive, its negatives.

    Attributes:
        queries: (n,) int64.
        positives: (n,) int64.
        negatives: (n, negatives) int64.
    """

    queries: NDArray[np.int64]
    positives: NDArray[np.int64]
    negatives: NDArray[np.int64]

    def members(self, tuple_number: int) -> list[int]:
        """Photos of a tuple: query, positive, negatives."""
        negatives = self.negatives[tuple_number].tolist()
        return [int(self.queries[tuple_number]), int(self.positives[tuple_number]), *negatives]

    def __len__(self) -> int:
        return len(self.queries)


@dataclass
class Totals:
    """Sums over the tuples of an epoch so far."""

    tuples: int = 0
    loss: float = 0.0
    positive_distance: float = 0.0
    negative_distance: float = 0.0


@dataclass(frozen=True)
class EpochRecord:
    """What an epoch gave.

    Attributes:
        epoch: from 1; 0 is the network before the training.
        loss: mean of a tuple, eq. (9) summed over its pairs; None before the training.
        positive_distance: mean distance of queries to their positives.
        negative_distance: mean distance of queries to their hard negatives.
        p: GeM's exponent after the epoch.
        validation_map: mAP of the validation set; None without one.
    """

    epoch: int
    loss: float | None
    positive_distance: float | None
    negative_distance: float | None
    p: float
    validation_map: float | None


@dataclass
class State:
    """State of a training beside its parameters.

    Attributes:
        epoch: that is under way, from 0.
        step: next step of the epoch.
        plan: tuples of the epoch; None before they are mined.
        totals: of the epoch so far.
        history: of what is over; the first is the network before the training.
    """

    epoch: int = 0
    step: int = 0
    plan: Plan | None = None
    totals: Totals = field(default_factory=Totals)
    history: list[EpochRecord] = field(default_factory=list)

    @property
    def best(self) -> EpochRecord:
        """The epoch with the highest validation mAP, the first of equals; without validation the last."""
        if self.history[-1].validation_map is None:
            return self.history[-1]
        return max(self.history, key=lambda record: record.validation_map or 0.0)

    def as_dict(self) -> dict[str, object]:
        """All but the plan, as JSON."""
        history = [asdict(record) for record in self.history]
        return {"epoch": self.epoch, "step": self.step, "totals": asdict(self.totals), "history": history}
