"""Plane projective maps of pictures: from four points and their images."""

import numpy as np
from numpy.typing import NDArray


def homography(source: NDArray[np.float64], target: NDArray[np.float64]) -> NDArray[np.float64]:
    """The projective map that takes each source point to its target.

    Args:
        source: (4, 2) points (x, y).
        target: (4, 2) points (u, v).

    Returns:
        (8,) coefficients a..h of u = (ax + by + c) / (gx + hy + 1), v = (dx + ey + f) / (gx + hy + 1),
        in the order that Pillow's PERSPECTIVE transform takes.
    """
    rows = []
    for (x, y), (u, v) in zip(source, target, strict=True):
        rows.append([x, y, 1, 0, 0, 0, -u * x, -u * y])
        rows.append([0, 0, 0, x, y, 1, -v * x, -v * y])
    return np.asarray(np.linalg.solve(np.asarray(rows), target.reshape(8)), dtype=np.float64)
