"""What a network lacks once it runs: several shapes of photos, each twice, with the services' extractor."""

from collections.abc import Iterator

import numpy as np
import onnx
from numpy.typing import NDArray

from dsc_common.errors import DscError, first_line
from dsc_common.features.extraction import Extraction
from dsc_common.features.extractor import Extractor
from dsc_common.features.images import MIN_SIDE
from dsc_model.metadata import describe

BATCH_TOLERANCE = 1e-4
BATCH_SIDE = 128  # pixels
TOLERANCE = 1e-3  # of the length of the feature, and of the sum of the probabilities


def running_faults(model: onnx.ModelProto, num_labels: int, longest_side: int) -> list[str]:
    """A line for each kind of fault, with the first shape of photo that shows it.

    Args:
        model: of the right inputs and outputs; its metadata may be missing.
        num_labels: K.
        longest_side: of photos, pixels.
    """
    complete = onnx.ModelProto()
    complete.CopyFrom(model)
    describe(complete, "checked", longest_side, [str(label) for label in range(num_labels)])
    try:
        extractor = Extractor(complete.SerializeToString(), "the network", threads=1)
    except DscError as error:
        reason = str(error.__cause__ or error).splitlines() or [type(error).__name__]
        return [f"it does not load: {reason[0]}"]
    faults: dict[str, str] = {}
    for name, pixels in photos_of(longest_side):
        for kind, line in _faults_of(extractor, pixels):
            faults.setdefault(kind, f"{line} ({name})")
    if extractor.takes_batches and not faults:
        return _faults_of_batch(extractor, longest_side)
    return list(faults.values())


def _faults_of_batch(extractor: Extractor, longest_side: int) -> list[str]:
    """A network for any number of photos must describe each as if it were alone."""
    rng, side = np.random.default_rng(1), min(longest_side, BATCH_SIDE)
    photos = [rng.random((1, 3, side, side), dtype=np.float32) ** power for power in (1, 2, 4)]
    try:
        together = extractor.run_batch(photos)
    except DscError as error:
        return [f"it takes any number of photos, but not several at once: {error}"]
    for alone, found in zip(map(extractor.run, photos), together, strict=True):
        if not np.allclose(_numbers(alone), _numbers(found), rtol=0, atol=BATCH_TOLERANCE):
            return ["it takes any number of photos, but describes one differently beside others"]
    return []


def photos_of(longest_side: int) -> Iterator[tuple[str, NDArray[np.float32]]]:
    """Photos of several shapes, (1, 3, H, W) in [0, 1], by name; strips are as narrow as photos get."""
    rng, short = np.random.default_rng(0), max(MIN_SIDE, longest_side * 3 // 4)
    shapes = [
        (short, longest_side),
        (longest_side, short),
        (MIN_SIDE, longest_side),
        (longest_side, MIN_SIDE),
    ]
    for height, width in dict.fromkeys(shapes):
        yield f"photo of {width} x {height} pixels", rng.random((1, 3, height, width), dtype=np.float32)
    yield "black photo", np.zeros((1, 3, short, longest_side), dtype=np.float32)


def _faults_of(extractor: Extractor, pixels: NDArray[np.float32]) -> Iterator[tuple[str, str]]:
    try:
        first, second = extractor.run(pixels), extractor.run(pixels)
    except Exception as error:  # ONNX Runtime has no common base class for its errors
        yield "run", f"it does not run: {first_line(error)}"
        return
    expected = ((extractor.info.feature_dim,), (len(extractor.info.labels),))
    if (got := (first.feature.shape, first.probabilities.shape)) != expected:
        yield "shapes", f"expected outputs of shapes {expected}, got {got}"
        return
    yield from _faults_of_result(first)
    if not np.array_equal(_numbers(first), _numbers(second), equal_nan=True):
        yield "runs", "two runs with the same photo have different results"


def _numbers(found: Extraction) -> NDArray[np.float32]:
    return np.concatenate([found.feature, found.probabilities])


def _faults_of_result(found: Extraction) -> Iterator[tuple[str, str]]:
    if not np.isfinite(found.feature).all():
        yield "feature", "feature: expected finite numbers, got NaN or infinity"
    else:
        length = float(np.linalg.norm(found.feature.astype(np.float64)))
        if abs(length - 1) > TOLERANCE:
            yield "length", f"feature: expected length 1, got {length:.4g}"
    if not np.isfinite(found.probabilities).all():
        yield "probabilities", "probabilities: expected finite numbers, got NaN or infinity"
        return
    total = float(found.probabilities.sum(dtype=np.float64))
    if abs(total - 1) > TOLERANCE:
        yield "sum", f"probabilities: expected the sum 1, got {total:.4g}"
    if found.probabilities.min() < 0:
        yield "sign", f"probabilities: expected none below 0, got {found.probabilities.min():.3g}"
