"""A tiny network in the shape of a mobile one: convolutions with ReLU6, a sum, GeM pooling, a classifier."""

from pathlib import Path

import numpy as np
import onnx
from onnx import helper, numpy_helper

from helpers.tiny_model import IR_VERSION, OPSET, metadata_of, tensor_info

CHANNELS = 12
CONVS = 5


def write_tiny_convnet(path: Path, num_labels: int = 32, longest_side: int = 64, seed: int = 0) -> Path:
    """Write the model to `path` and return `path`; F = 12, inputs and outputs as every backbone's."""
    rng = np.random.default_rng(seed)
    weights = {f"w{n}": _kernel(rng, 3 if n == 0 else CHANNELS) for n in range(CONVS)}
    weights |= {f"b{n}": 0.1 * rng.standard_normal(CHANNELS) for n in range(CONVS)}
    weights |= {"classifier": 3 * rng.standard_normal((num_labels, CHANNELS)), "bias": np.zeros(num_labels)}
    weights |= {"low": np.array(0.0), "six": np.array(6.0), "eps": np.array(1e-6)}
    weights |= {"p": np.array(3.0), "one_over_p": np.array(1 / 3)}
    constants = [numpy_helper.from_array(value.astype(np.float32), name) for name, value in weights.items()]
    graph = helper.make_graph(
        _nodes(),
        "convnet",
        [tensor_info("image", [1, 3, "height", "width"])],
        [tensor_info("feature", [1, CHANNELS]), tensor_info("probabilities", [1, num_labels])],
        [*constants, numpy_helper.from_array(np.array([2, 3], dtype=np.int64), "space")],
    )
    model = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION, producer_name="tiny"
    )
    helper.set_model_props(model, metadata_of("convnet", num_labels, CHANNELS, longest_side))
    onnx.checker.check_model(model, full_check=True)
    path.write_bytes(model.SerializeToString(deterministic=True))
    return path


def _kernel(rng: np.random.Generator, inputs: int) -> np.ndarray:
    return rng.standard_normal((CHANNELS, inputs, 3, 3)) * np.sqrt(2 / (9 * inputs))


def _nodes() -> list[onnx.NodeProto]:
    nodes, last = [], "image"
    for n in range(CONVS):
        nodes += [
            helper.make_node(
                "Conv",
                [last, f"w{n}", f"b{n}"],
                [f"conv{n}"],
                name=f"conv{n}",
                strides=[2, 2] if n < 2 else [1, 1],
                pads=[1] * 4,
            ),
            helper.make_node("Clip", [f"conv{n}", "low", "six"], [f"act{n}"], name=f"relu6_{n}"),
        ]
        last = f"act{n}"
    return [
        *nodes,
        helper.make_node("Add", [last, "act2"], ["map"], name="residual"),
        helper.make_node("ReduceMean", ["map", "space"], ["mean"], keepdims=0),
        helper.make_node("Gemm", ["mean", "classifier", "bias"], ["logits"], name="gemm", transB=1),
        helper.make_node("Softmax", ["logits"], ["probabilities"], axis=1),
        helper.make_node("Clip", ["map", "eps"], ["positive"], name="clamp"),
        helper.make_node("Pow", ["positive", "p"], ["powered"]),
        helper.make_node("ReduceMean", ["powered", "space"], ["pooled_p"], keepdims=0),
        helper.make_node("Pow", ["pooled_p", "one_over_p"], ["pooled"]),
        helper.make_node("LpNormalization", ["pooled"], ["feature"], axis=1, p=2),
    ]
