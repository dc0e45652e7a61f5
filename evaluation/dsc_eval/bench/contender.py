"""A contender of the search benchmark: a way from a decoded packet to ranked images."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Contender:
    """A way from the decoded packet of a query to ranked images, with one setting.

    Attributes:
        system: its name; contenders of one system are points of one curve.
        setting: columns that describe the point.
        answer: number of a query → (n,) int64, images, best first; this is timed.
        candidates: number of a query and its answer → images that were compared.
    """

    system: str
    setting: Mapping[str, int | str]
    answer: Callable[[int], NDArray[np.int64]]
    candidates: Callable[[int, NDArray[np.int64]], int]
