"""Checks of the caller's arrays: features to unit length, probabilities to the most likely labels."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dsc_common.errors import InvalidInputError
from dsc_common.features.extraction import Extraction
from dsc_common.packet.labels import top_labels
from dsc_common.vectors import normalised

MAX_LABELS_PER_IMAGE = 10


def unit_features(features: ArrayLike) -> NDArray[np.float32]:
    """(N, F) numbers → (N, F) float32 of unit length.

    Raises:
        InvalidInputError: not two dimensions, no row, NaN or infinity, or a row of zeros.
    """
    array = _numbers("features", features, "(N, F)", 2)
    largest = np.abs(array).max(axis=1, keepdims=True)
    if not (largest > 0).all():
        raise InvalidInputError("expected features of a length above 0, got a row of zeros")
    # Squares of very large and very small numbers are no floats; powers of two change no digit.
    return normalised(np.ldexp(array, -np.frexp(largest)[1]))


def likely_labels(probabilities: ArrayLike, num_images: int) -> tuple[NDArray[np.int64], int]:
    """(N, K) probabilities → (N, A) int64, the A = min(10, K) most likely labels of each image; and K.

    Raises:
        InvalidInputError: the number of rows is not the number of images, or numbers are not probabilities.
    """
    array = _probabilities(probabilities, "(N, K)", 2)
    if len(array) != num_images:
        raise InvalidInputError(f"expected probabilities of {num_images} images, got {len(array)}")
    kept = min(MAX_LABELS_PER_IMAGE, array.shape[1])
    return np.stack([top_labels(row, kept) for row in array]), array.shape[1]


def extraction_of(feature: ArrayLike, probabilities: ArrayLike) -> Extraction:
    """Feature (F,) and probabilities (K,) of a query, the feature scaled to unit length.

    Raises:
        InvalidInputError: other shapes, NaN or infinity, or a feature of zeros.
    """
    q = unit_features(_numbers("a feature", feature, "(F,)", 1)[None])[0]
    return Extraction(q, _probabilities(probabilities, "(K,)", 1))


def _probabilities(values: ArrayLike, shape: str, dimensions: int) -> NDArray[np.float32]:
    array = _numbers("probabilities", values, shape, dimensions)
    if array.min() < 0:
        raise InvalidInputError(f"expected probabilities from 0, got {array.min():g}")
    return array


def _numbers(what: str, values: ArrayLike, shape: str, dimensions: int) -> NDArray[np.float32]:
    try:
        if np.iscomplexobj(values):  # NumPy would drop the imaginary parts
            raise TypeError
        array = np.asarray(values, dtype=np.float32)
    except (TypeError, ValueError) as error:
        raise InvalidInputError(f"expected {what} {shape} of numbers, got {type(values).__name__}") from error
    if array.ndim != dimensions or not array.size:
        raise InvalidInputError(f"expected {what} of shape {shape}, got {array.shape}")
    if not np.isfinite(array).all():
        raise InvalidInputError(f"expected finite numbers in {what}, got NaN or infinity")
    return array
