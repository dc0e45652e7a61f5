"""Static quantization: weights and activations of an ONNX network in 8 bits, ranges from photos.

A number x becomes round(x / s) + z, with a scale s and a zero point z of each tensor of activations (uint8),
and a scale of each output channel of the weights (int8, z = 0). The range of an activation is that of all
photos.

ReLU6 is a `Clip` in ONNX. It has to be among the quantized operations: otherwise each convolution is followed
by a step in float32, and the network is neither faster nor as accurate.
"""

import contextlib
import logging
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray
from onnxruntime.quantization import CalibrationDataReader, QuantType, quantize_static

from dsc_common.files.room import require_room

OPERATIONS = ("Conv", "Add", "Clip", "Relu", "MaxPool", "Gemm", "MatMul")
FLOAT_CONVS = 3  # of the first convolutions: few weights, and most of the error
_INTEGER = frozenset({"QuantizeLinear", "DequantizeLinear", "DynamicQuantizeLinear", "QLinearConv"})
_COPIES = 8  # of the network, in temporary files


def is_quantized(model: onnx.ModelProto) -> bool:
    """Whether a network computes with integers already."""
    return any(node.op_type in _INTEGER for node in model.graph.node)


def quantize(
    model: onnx.ModelProto, photos: Iterable[NDArray[np.float32]], float_convs: int = FLOAT_CONVS
) -> onnx.ModelProto:
    """The network in int8, without metadata.

    The same network and photos give the same bytes on the same machine; other processors may round the
    ranges otherwise.

    Args:
        model: a network in float32, with the input `image`.
        photos: each (1, 3, H, W) float32 RGB in [0, 1]; at least one.
        float_convs: number of the first convolutions that stay in float32.

    Raises:
        OSError: the disk of temporary files has too little room.
    """
    with tempfile.TemporaryDirectory(prefix="dsc-quantize-") as folder, _quiet():
        require_room(Path(folder), _COPIES * model.ByteSize())
        prepared, quantized = Path(folder) / "prepared.onnx", Path(folder) / "quantized.onnx"
        ready = _prepared(model, Path(folder) / "fused.onnx")
        onnx.save(ready, prepared)
        quantize_static(
            prepared,
            quantized,
            _Photos(iter(photos)),
            op_types_to_quantize=list(OPERATIONS),
            per_channel=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            nodes_to_exclude=[*_first_convolutions(ready, float_convs), *_clamps(ready)],
        )
        return onnx.load(quantized)


class _Photos(CalibrationDataReader):  # type: ignore[misc] # untyped
    """Pixels of photos, one after the other, as ONNX Runtime's calibration asks for them."""

    def __init__(self, photos: Iterator[NDArray[np.float32]]) -> None:
        self._photos = photos

    def get_next(self) -> dict[str, NDArray[np.float32]] | None:
        pixels = next(self._photos, None)
        return None if pixels is None else {"image": pixels}


def _prepared(model: onnx.ModelProto, fused: Path) -> onnx.ModelProto:
    """The network with constants folded and batch normalisation fused, and with the shapes of tensors."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    options.optimized_model_filepath = str(fused)
    onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return onnx.shape_inference.infer_shapes(onnx.load(fused))


def _first_convolutions(model: onnx.ModelProto, count: int) -> list[str]:
    return [node.name for node in model.graph.node if node.op_type == "Conv"][:count]


def _clamps(model: onnx.ModelProto) -> list[str]:
    """Names of each `Clip` to a positive number, as before a power or a division, and not an activation."""
    constants = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    clips = [node for node in model.graph.node if node.op_type == "Clip" and len(node.input) > 1]
    return [node.name for node in clips if node.input[1] in constants and constants[node.input[1]] > 0]


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Without the advice for developers that the library logs."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(before)
