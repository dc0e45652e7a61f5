"""A network, from its file or an index, to its int8 variant in a file: the work of `dsc-model quantize`."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import onnx

from dsc_common.errors import DscError, InvalidInputError
from dsc_common.features.extractor import Extractor
from dsc_common.progress import Track, untracked
from dsc_model.model_file import check_target, write_whole
from dsc_model.quantization.calibration import ChosenPhotos, photos_in
from dsc_model.quantization.index_folder import model_of_index, photos_of_index
from dsc_model.quantization.static import FLOAT_CONVS, is_quantized, quantize

PRECISION = "dsc.precision"  # of the metadata; absent: float32
INT8 = "int8"
PRODUCER = "deep-semantic-coding"


@dataclass(frozen=True)
class Quantized:
    """What was written: bytes of the file, bytes of the network in float32, photos that were read."""

    size_bytes: int
    of_bytes: int
    photos: int


def quantize_model(
    source: Path,
    out: Path,
    photos: Path | None = None,
    count: int = 100,
    seed: int = 0,
    *,
    float_convs: int = FLOAT_CONVS,
    say: Callable[[str], None] = lambda _line: None,
    track: Track[Any] = untracked,
) -> Quantized:
    """Write the int8 variant of an exported network; the file appears whole or not at all.

    Args:
        source: an ONNX file, or an index directory.
        out: the file to write.
        photos: photos for calibration; None: those of the index.
        count: of the photos that are read.
        seed: of their choice.
        float_convs: number of the first convolutions that stay in float32.
        say: receives lines for a person.
        track: shows progress over photos.

    Raises:
        DamagedIndexError: the source is no exported network, or no index.
        InvalidInputError: it is quantized already, or is the file to write; or no photo can be read.
        DscError: the file cannot be written.
    """
    check_target(out)
    model_path = model_of_index(source) if source.is_dir() else source
    if out.exists() and model_path.exists() and out.samefile(model_path):
        raise InvalidInputError(f"expected a file to write besides the network itself, got {out}")
    info = Extractor.from_file(model_path, threads=1).info
    model = onnx.load(model_path)
    if is_quantized(model):
        raise InvalidInputError(
            f"expected a network in float32, got one that is quantized already: {model_path}"
        )
    chosen = ChosenPhotos(_candidates(source, photos), info.longest_side, count, seed, say)
    try:
        quantized = quantize(model, track(chosen, "calibrating", len(chosen)), float_convs)
    except (DscError, OSError, MemoryError):
        raise
    except Exception as error:  # ONNX Runtime has no common base class for its errors
        raise DscError(f"cannot quantize {model_path}: {str(error).splitlines()[0]}") from error
    _describe(quantized, {entry.key: entry.value for entry in model.metadata_props})
    content = quantized.SerializeToString(deterministic=True)
    write_whole(out, content)
    return Quantized(len(content), model_path.stat().st_size, chosen.read)


def _candidates(source: Path, photos: Path | None) -> Sequence[Path]:
    if photos is not None:
        return photos_in(photos)
    if not source.is_dir():
        raise InvalidInputError("expected --photos DIR, as a network has no photos for calibration")
    return photos_of_index(source)


def _describe(model: onnx.ModelProto, properties: dict[str, str]) -> None:
    """Give the network the metadata of the one that it was made from, and its precision."""
    del model.metadata_props[:]
    onnx.helper.set_model_props(model, {**properties, PRECISION: INT8})
    model.producer_name, model.producer_version = PRODUCER, ""
    onnx.checker.check_model(model)
