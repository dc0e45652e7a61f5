"""Safe reading of PyTorch weights files: tensors and plain containers only, never code."""

import re
import reprlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from dsc_common.errors import InvalidInputError

Shapes = Mapping[str, tuple[int, ...]]

_CODE_REQUEST = re.compile(r"GLOBAL (\S+)")
_COUNTER = "num_batches_tracked"  # of batch norm; unused here, and older files lack it
_SHOWN = 3


class SkippedArray:
    """Stands for a numpy array in a checkpoint (cirtorch's `meta["Lw"]`): read past, and never built.

    Unpickling real arrays would run numpy's reconstruction on whatever numbers the file brings.
    """

    def __init__(self, *_: object) -> None:
        pass

    def __setstate__(self, state: object) -> None:
        pass


_NUMPY = ("numpy.core.multiarray", "numpy._core.multiarray")
_SKIPPED: list[Callable[..., Any] | tuple[Callable[..., Any], str]] = [
    (SkippedArray, name)
    for name in (
        *(f"{module}.{function}" for module in _NUMPY for function in ("_reconstruct", "scalar")),
        "numpy.ndarray",
        "numpy.dtype",
    )
]


def load_weights_file(path: Path) -> dict[Any, Any]:
    """Return the dictionary in `path`, written by torch.save; tensors come on the CPU.

    Raises:
        InvalidInputError: it cannot be read, is something else, or asks for anything but tensors, plain
            containers and numpy arrays (each of which becomes a SkippedArray).
    """
    content = _load(path)
    if not isinstance(content, dict):
        raise InvalidInputError(
            f"{path}: expected a dictionary of named tensors, got {type(content).__name__}"
        )
    return content


def load_tensor(path: Path) -> NDArray[np.floating]:
    """Return the one tensor of floats in `path`, written by torch.save, as an array.

    Raises:
        InvalidInputError: it cannot be read, is something else, or asks for anything but tensors.
    """
    content = _load(path)
    if not isinstance(content, torch.Tensor) or not content.is_floating_point():
        raise InvalidInputError(f"{path}: expected one tensor of floats, got {type(content).__name__}")
    return content.detach().numpy()


def _load(path: Path) -> object:
    try:
        file = path.open("rb")
    except OSError as error:
        raise InvalidInputError(f"cannot read weights file {path}: {error.strerror}") from None
    try:
        with file, torch.serialization.safe_globals(_SKIPPED):
            return torch.load(file, map_location="cpu", weights_only=True)
    except Exception as error:  # a damaged or hostile file can raise almost anything
        raise InvalidInputError(_refusal(path, str(error))) from None


def _refusal(path: Path, reason: str) -> str:
    asked = _CODE_REQUEST.search(reason)
    if asked:
        return f"{path}: refused: it asks to load {asked[1]!r}, and a weights file may only hold tensors"
    return f"{path}: not a PyTorch weights file, or a damaged one"


def shapes_of(module: nn.Module) -> Shapes:
    """Return the names and shapes of a module's state."""
    return {name: tuple(value.shape) for name, value in module.state_dict().items()}


def check_state_dict(given: Mapping[Any, Any], expected: Shapes, what: str, path: Path) -> None:
    """Check that `given` holds finite float tensors of exactly these names and shapes.

    Batch norm's counters may be missing. what: the layout that is expected, for the message.

    Raises:
        InvalidInputError: it does not; the message names the first faults.
    """
    missing = [name for name in expected if name not in given and not name.endswith(_COUNTER)]
    unexpected = [name for name in given if name not in expected]
    if missing or unexpected:
        faults = [_list_names("missing", missing), _list_names("unexpected", unexpected)]
        raise InvalidInputError(f"{path}: expected {what}, got {'; '.join(filter(None, faults))}")
    for name, value in given.items():
        _check_tensor(name, value, expected[name], what, path)


def _list_names(kind: str, names: list[Any]) -> str:
    if not names:
        return ""
    shown = ", ".join(reprlib.repr(name) for name in names[:_SHOWN]) + (", …" if len(names) > _SHOWN else "")
    return f"{len(names)} {kind} ({shown})"


def _check_tensor(name: str, value: object, shape: tuple[int, ...], what: str, path: Path) -> None:
    start = f"{path}: expected {what} with {name} "
    if not isinstance(value, Tensor) or value.layout != torch.strided or value.device.type != "cpu":
        raise InvalidInputError(f"{start}a plain tensor, got {type(value).__name__}")
    if tuple(value.shape) != shape:
        raise InvalidInputError(f"{start}of shape {shape}, got {tuple(value.shape)}")
    if name.endswith(_COUNTER):
        return
    if not value.is_floating_point():
        raise InvalidInputError(f"{start}of floating-point numbers, got {value.dtype}")
    if not bool(torch.isfinite(value).all()):
        raise InvalidInputError(f"{start}finite, got NaN or infinity")
