"""Feature and class probabilities of a photo, wherever they were extracted."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Extraction:
    """Output of the extractor for one photo.

    Attributes:
        feature: (F,) float32, l2-normalised: q, or d for an image of the database.
        probabilities: (K,) float32, the probability of each label: p.
    """

    feature: NDArray[np.float32]
    probabilities: NDArray[np.float32]
