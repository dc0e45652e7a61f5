"""What a network's file and its inputs and outputs lack: read from the ONNX file, without running it."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import onnx
from google.protobuf.message import DecodeError, Message
from onnx import TensorProto, ValueInfoProto
from onnx.external_data_helper import uses_external_data

from dsc_common.errors import InvalidInputError
from dsc_common.packet.format import MAX_FEATURE_DIM, PacketFormat

MAX_BYTES = (1 << 31) - 1  # of a protobuf message
HEAD_LABELS = 5  # T, where there are so many labels
OUTPUTS = ("feature", "probabilities")

_Shape = tuple[int | None, ...] | None


@dataclass(frozen=True)
class Interface:
    """Dimensions of a network's outputs; None: not fixed in the file.

    Attributes:
        feature_dim: F.
        num_labels: K.
        faults: a line for each thing that is missing.
    """

    feature_dim: int | None
    num_labels: int | None
    faults: tuple[str, ...]


def read_graph(path: Path) -> onnx.ModelProto:
    """Read an ONNX file that is complete in itself.

    Raises:
        InvalidInputError: it cannot be read, is no ONNX file, or keeps tensors in other files.
    """
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise InvalidInputError(f"{path}: expected up to {MAX_BYTES:,} bytes, got {size:,}")
        model = onnx.load_model_from_string(path.read_bytes())
    except OSError as error:
        raise InvalidInputError(f"cannot read {path}: {error.strerror or error}") from error
    except DecodeError as error:
        raise InvalidInputError(f"{path} is no ONNX file") from error
    if not model.graph.node:
        raise InvalidInputError(f"{path} is no ONNX file, or has no operators")
    external = next((tensor for tensor in _tensors(model) if uses_external_data(tensor)), None)
    if external is not None:
        raise InvalidInputError(
            f"{path}: expected all weights in the file, got external data (tensor {external.name!r})"
        )
    return model


def _tensors(message: Message) -> Iterator[TensorProto]:
    """Tensors in all parts of a model, graphs within nodes included."""
    if isinstance(message, TensorProto):
        yield message
        return
    for field, value in message.ListFields():
        if field.message_type is not None:
            for part in [value] if isinstance(value, Message) else value:
                yield from _tensors(part)


def interface_of(model: onnx.ModelProto) -> Interface:
    """Compare inputs and outputs with those of an exported backbone; see `registry.export_backbone`."""
    constants = {tensor.name for tensor in model.graph.initializer}
    inputs = {text_of(each.name): each for each in model.graph.input if each.name not in constants}
    outputs = {text_of(each.name): each for each in model.graph.output}
    faults = [*_names("input", ["image"], inputs), *_names("outputs", OUTPUTS, outputs)]
    faults += [line for each in (*inputs.values(), *outputs.values()) for line in _element_type(each)]
    if "image" in inputs:
        faults += _image_shape(_shape(inputs["image"]))
    dims: list[int | None] = []
    for name in OUTPUTS:
        dim, lines = _vector(name, _shape(outputs[name])) if name in outputs else (None, [])
        dims.append(dim)
        faults += lines
    return Interface(dims[0], dims[1], (*faults, *_limits(dims[0], dims[1])))


def _names(what: str, expected: list[str] | tuple[str, ...], got: dict[str, ValueInfoProto]) -> list[str]:
    if set(got) == set(expected):
        return []
    return [f"expected the {what} {' and '.join(expected)}, got {', '.join(got) or 'none'}"]


def _element_type(value: ValueInfoProto) -> list[str]:
    got = value.type.tensor_type.elem_type
    if got == TensorProto.FLOAT:
        return []
    known = TensorProto.DataType.Name(got).lower() if got in TensorProto.DataType.values() else str(got)
    return [f"expected {text_of(value.name)} in float32, got {known}"]


def _shape(value: ValueInfoProto) -> _Shape:
    """Dimensions, None for those that are free; None for a shape that is not given."""
    tensor = value.type.tensor_type
    if not tensor.HasField("shape"):
        return None
    return tuple(dim.dim_value if dim.HasField("dim_value") else None for dim in tensor.shape.dim)


def _shown(shape: _Shape) -> str:
    if shape is None:
        return "none"
    return f"({', '.join('free' if dim is None else str(dim) for dim in shape)})"


def _image_shape(shape: _Shape) -> list[str]:
    fits = shape is not None and len(shape) == 4 and shape[0] in (1, None) and shape[1] in (3, None)
    if fits and shape is not None and shape[2:] == (None, None):
        return []
    return [f"expected image of shape (1, 3, free, free), got {_shown(shape)}"]


def _vector(name: str, shape: _Shape) -> tuple[int | None, list[str]]:
    """The last dimension of an output (1, n)."""
    if shape is not None and len(shape) == 2 and shape[0] in (1, None) and shape[1]:
        return shape[1], []
    return None, [f"expected {name} of shape (1, n) with a fixed n, got {_shown(shape)}"]


def _limits(feature_dim: int | None, num_labels: int | None) -> list[str]:
    faults = []
    if feature_dim is not None and feature_dim > MAX_FEATURE_DIM:
        faults.append(f"expected a feature of up to {MAX_FEATURE_DIM} dimensions, got {feature_dim}")
    if num_labels is not None:
        try:
            packet_bytes(num_labels)
        except InvalidInputError as error:
            faults.append(str(error))
    return faults


def text_of(value: str | bytes) -> str:
    """Text of a field; protobuf gives bytes where a file has something else than UTF-8."""
    return value if isinstance(value, str) else value.decode(errors="replace")


def packet_bytes(num_labels: int) -> int:
    """Bytes of a packet of the default shape with K labels.

    Raises:
        InvalidInputError: a head cannot name so many labels.
    """
    return PacketFormat(num_labels, min(HEAD_LABELS, num_labels)).packet_bytes
