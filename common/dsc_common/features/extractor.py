"""The feature extractor: photo → feature q (eqs. 8, 10) and class probabilities p, with ONNX Runtime."""

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from dsc_common.errors import DamagedIndexError, DscError, first_line
from dsc_common.features.extraction import Extraction
from dsc_common.features.hardware import CPU, Hardware
from dsc_common.features.images import DECODE, MIN_SIDE, RESIZE, Box, load_pixels
from dsc_common.features.session import open_session
from dsc_common.spans import span

if TYPE_CHECKING:
    import onnxruntime

MODEL_FORMAT = "1"
DEFAULT_PRECISION = "float32"
_PRECISION = re.compile("[a-z0-9][a-z0-9._-]{0,31}")
MAX_LONGEST_SIDE = 4096  # pixels
MAX_BATCH = 32  # photos; more are no faster on a GPU, and wait longer for others of their shape
PIXELS_IN_BATCH = MAX_BATCH * 512**2
NETWORK = "network"
STEPS = (DECODE, RESIZE, NETWORK)  # of `Extractor.extract`


@dataclass(frozen=True)
class ModelInfo:
    """Metadata of an exported backbone.

    Attributes:
        backbone: name of the backbone.
        longest_side: pixels to which the longest side of a photo is scaled.
        feature_dim: F.
        labels: names of the K labels.
        sha256: hash of the whole model file, lower-case hexadecimal.
        precision: of weights and activations: float32, or int8 after quantization.
    """

    backbone: str
    longest_side: int
    feature_dim: int
    labels: tuple[str, ...]
    sha256: str
    precision: str = DEFAULT_PRECISION


class Extractor:
    """An exported backbone, ready to run; calls from several threads are safe.

    Attributes:
        info: metadata of the network.
        hardware: where it computes.
        takes_batches: whether a run may have several photos of one shape.
        batch: photos of a run, at most: one, except on a GPU.
    """

    hardware: Hardware = CPU
    batch: int = 1

    def __init__(
        self, model: bytes, name: str = "model.onnx", threads: int | None = None, hardware: Hardware = CPU
    ) -> None:
        sha256 = hashlib.sha256(model).hexdigest()
        self._set(open_session(model, name, threads, hardware), sha256, name, hardware)

    @classmethod
    def from_file(
        cls, path: Path, threads: int | None = None, hardware: Hardware = CPU, *, sparing: bool = False
    ) -> "Extractor":
        """Extractor of a model file.

        The file is hashed and loaded by one open descriptor, so that the hash is that of what is loaded.
        ONNX Runtime needs less memory for a file than for its bytes.

        Args:
            path: of the file.
            threads: of a photo; None: one per core.
            hardware: where to compute.
            sparing: take little memory, for photos of any shapes: 20 MB less with EfficientNet-Lite0. The
                numbers are the same.

        Raises:
            DamagedIndexError: the file is not an exported backbone.
            DscError: there is no GPU, or ONNX Runtime cannot use it.
        """
        extractor = cls.__new__(cls)
        try:
            with path.open("rb") as file:
                sha256 = hashlib.file_digest(file, "sha256").hexdigest()
                name = f"/dev/fd/{file.fileno()}"
                session = open_session(name, str(path), threads, hardware, sparing=sparing)
        except OSError as error:
            raise DamagedIndexError(f"cannot read {path}: {error.strerror}") from error
        extractor._set(session, sha256, str(path), hardware)
        return extractor

    def _set(
        self, session: "onnxruntime.InferenceSession", sha256: str, name: str, hardware: Hardware
    ) -> None:
        self._session = session
        self.info = _read_info(session, sha256, name)
        self.hardware = hardware
        shapes = [each.shape for each in session.get_inputs()]
        self.takes_batches = all(shape and not isinstance(shape[0], int) for shape in shapes)
        if hardware != CPU and self.takes_batches:
            self.batch = max(1, min(MAX_BATCH, PIXELS_IN_BATCH // self.info.longest_side**2))

    def extract(self, path: Path, box: Box | None = None) -> Extraction:
        """Photo (or a box of it, in pixels of the upright photo) → feature and probabilities.

        Raises:
            InvalidImageError: the photo cannot be read.
        """
        return self.run(self.pixels(path, box))

    def pixels(self, path: Path, box: Box | None = None) -> NDArray[np.float32]:
        """Photo (or a box of it) → (1, 3, H, W) float32 RGB in [0, 1], as large as the network expects.

        Raises:
            InvalidImageError: the photo cannot be read.
        """
        return load_pixels(path, self.info.longest_side, box)

    @span(NETWORK)
    def run(self, pixels: NDArray[np.float32]) -> Extraction:
        """(1, 3, H, W) float32 RGB in [0, 1] → feature and probabilities."""
        feature, probabilities = self._session.run(["feature", "probabilities"], {"image": pixels})
        return Extraction(feature[0], probabilities[0])

    def run_batch(self, photos: Sequence[NDArray[np.float32]]) -> list[Extraction]:
        """n photos of one shape, each (1, 3, H, W) float32 RGB in [0, 1] → feature and probabilities of each.

        Raises:
            DscError: the hardware fails, as a GPU without room for the batch does; or the network does not
                take several photos at once.
        """
        image = np.concatenate(photos)
        try:
            features, probabilities = self._session.run(["feature", "probabilities"], {"image": image})
        except Exception as error:  # ONNX Runtime has no common base class for its errors
            line = first_line(error)
            raise DscError(f"{len(photos)} photos of shape {image.shape[1:]} failed: {line}") from error
        if not len(features) == len(probabilities) == len(photos):
            raise DscError(
                f"expected {len(photos)} features and probabilities, got {len(features)} and "
                f"{len(probabilities)}"
            )
        return [Extraction(*one) for one in zip(features, probabilities, strict=True)]


def _read_info(session: "onnxruntime.InferenceSession", sha256: str, name: str) -> ModelInfo:
    try:
        metadata = session.get_modelmeta().custom_metadata_map
        outputs = {output.name: output.shape for output in session.get_outputs()}
    except UnicodeDecodeError as error:
        raise DamagedIndexError(f"{name} is damaged: {error}") from error
    if metadata.get("dsc.format") != MODEL_FORMAT:
        raise DamagedIndexError(f"{name} is not an exported backbone of this project (format {MODEL_FORMAT})")
    try:
        info = ModelInfo(
            backbone=metadata["dsc.backbone"],
            longest_side=int(metadata["dsc.longest_side"]),
            feature_dim=int(metadata["dsc.feature_dim"]),
            labels=tuple(str(label) for label in json.loads(metadata["dsc.labels"])),
            sha256=sha256,
            precision=metadata.get("dsc.precision", DEFAULT_PRECISION),
        )
    except (KeyError, ValueError, TypeError) as error:
        raise DamagedIndexError(f"{name} is damaged: its metadata lacks {error}") from error
    if _PRECISION.fullmatch(info.precision) is None:
        raise DamagedIndexError(f"{name} is damaged: expected a precision, got {info.precision!r}")
    if not MIN_SIDE <= info.longest_side <= MAX_LONGEST_SIDE:
        raise DamagedIndexError(
            f"{name} is damaged: expected a longest side of {MIN_SIDE} to {MAX_LONGEST_SIDE} pixels, "
            f"got {info.longest_side}"
        )
    expected = {"feature": info.feature_dim, "probabilities": len(info.labels)}
    if {key: shape[-1] if shape else None for key, shape in outputs.items()} != expected:
        raise DamagedIndexError(f"{name} is damaged: expected outputs {expected}, got {outputs}")
    return info
