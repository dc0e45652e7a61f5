"""The feature extractor: photo → feature q (eqs. 8, 10) and class probabilities p, with ONNX Runtime."""

import hashlib
import json
import os
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dsc_common.errors import DamagedIndexError
from dsc_common.features.extraction import Extraction
from dsc_common.features.images import DECODE, MIN_SIDE, RESIZE, Box, load_pixels
from dsc_common.spans import span

# Some builds of ONNX Runtime send usage data; they read this variable when the module is loaded.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
import onnxruntime

MODEL_FORMAT = "1"
DEFAULT_PRECISION = "float32"
_PRECISION = re.compile("[a-z0-9][a-z0-9._-]{0,31}")
MAX_LONGEST_SIDE = 4096  # pixels
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
    """An exported backbone, ready to run; calls from several threads are safe."""

    def __init__(self, model: bytes, name: str = "model.onnx", threads: int | None = None) -> None:
        self._session = _session(model, name, threads)
        self.info = _read_info(self._session, hashlib.sha256(model).hexdigest(), name)

    @classmethod
    def from_file(cls, path: Path, threads: int | None = None, *, sparing: bool = False) -> "Extractor":
        """Extractor of a model file.

        The file is hashed and loaded by one open descriptor, so that the hash is that of what is loaded.
        ONNX Runtime needs less memory for a file than for its bytes.

        Args:
            path: of the file.
            threads: of a photo; None: one per core.
            sparing: take memory as it is needed, not in powers of two: 22 MB less with EfficientNet-Lite0,
                and up to 5 % more time. The numbers are the same.

        Raises:
            DamagedIndexError: the file is not an exported backbone.
        """
        extractor = cls.__new__(cls)
        try:
            with path.open("rb") as file:
                sha256 = hashlib.file_digest(file, "sha256").hexdigest()
                extractor._session = _session(f"/dev/fd/{file.fileno()}", str(path), threads, sparing)
        except OSError as error:
            raise DamagedIndexError(f"cannot read {path}: {error.strerror}") from error
        extractor.info = _read_info(extractor._session, sha256, str(path))
        return extractor

    def extract(self, path: Path, box: Box | None = None) -> Extraction:
        """Photo (or a box of it, in pixels of the upright photo) → feature and probabilities.

        Raises:
            InvalidImageError: the photo cannot be read.
        """
        return self.run(load_pixels(path, self.info.longest_side, box))

    @span(NETWORK)
    def run(self, pixels: NDArray[np.float32]) -> Extraction:
        """(1, 3, H, W) float32 RGB in [0, 1] → feature and probabilities."""
        feature, probabilities = self._session.run(["feature", "probabilities"], {"image": pixels})
        return Extraction(feature[0], probabilities[0])


def _session(
    model: bytes | str, name: str, threads: int | None, sparing: bool = False
) -> onnxruntime.InferenceSession:
    """A session of a model's bytes, or of the file at a path; `name` is for error lines."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4  # the exception has the reason; no second copy on stderr
    if threads is not None:
        options.intra_op_num_threads = threads
    if sparing:
        _register_exact_arena()
        options.enable_mem_pattern = False
        options.add_session_config_entry("session.use_env_allocators", "1")
    try:
        return onnxruntime.InferenceSession(
            model, options, providers=["CPUExecutionProvider"], enable_fallback=0
        )
    except Exception as error:  # ONNX Runtime has no common base class for its errors
        line = (str(error).splitlines() or [type(error).__name__])[0]  # on arm64 some have no words
        reason = line if isinstance(model, bytes) else line.replace(model, name)
        raise DamagedIndexError(f"{name} is damaged: {reason}") from error


@cache
def _register_exact_arena() -> None:
    """Memory of this process's sparing sessions: it grows by what is asked for, and is used again."""
    cpu = onnxruntime.OrtMemoryInfo(
        "Cpu", onnxruntime.OrtAllocatorType.ORT_ARENA_ALLOCATOR, 0, onnxruntime.OrtMemType.DEFAULT
    )
    as_requested, usual = 1, -1
    onnxruntime.create_and_register_allocator(cpu, onnxruntime.OrtArenaCfg(0, as_requested, usual, usual))


def _read_info(session: onnxruntime.InferenceSession, sha256: str, name: str) -> ModelInfo:
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
