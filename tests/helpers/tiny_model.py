"""A tiny deterministic ONNX model with a backbone's contract, for whole-system tests in milliseconds.

Random filters, ReLU and GeM pooling (p = 3), whitened on synthetic photos, l2-normalised; softmax of a
random linear classifier. It needs only numpy and onnx.
"""

import json
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
from onnx import helper, numpy_helper

OPSET = 18
IR_VERSION = 10
KERNEL = 4
EPS = 1e-6
SHARPNESS = 8.0

Array = npt.NDArray[np.float64]


def write_tiny_model(
    path: Path,
    num_labels: int = 32,
    feature_dim: int = 16,
    longest_side: int = 64,
    seed: int = 0,
    photos: int | str = 1,
) -> Path:
    """Write the model to `path` and return `path`; the same arguments always give the same bytes.

    Input `image`: float32 (1, 3, H, W), RGB in [0, 1], any H, W >= 1. Outputs `feature`: float32
    (1, feature_dim), l2-normalised; `probabilities`: float32 (1, num_labels), a softmax. With a name in place
    of the 1 of `photos`, any number of photos.
    """
    weights = _weights(num_labels, feature_dim, np.random.default_rng(seed))
    graph = helper.make_graph(
        _nodes(),
        "tiny",
        [tensor_info("image", [photos, 3, "height", "width"])],
        [
            tensor_info("feature", [photos, feature_dim]),
            tensor_info("probabilities", [photos, num_labels]),
        ],
        [numpy_helper.from_array(value.astype(np.float32), name) for name, value in weights.items()]
        + [numpy_helper.from_array(np.array([2, 3], dtype=np.int64), "space")],
    )
    opset = helper.make_opsetid("", OPSET)
    model = helper.make_model(graph, opset_imports=[opset], ir_version=IR_VERSION, producer_name="tiny")
    helper.set_model_props(model, metadata_of("tiny", num_labels, feature_dim, longest_side))
    onnx.checker.check_model(model, full_check=True)
    path.write_bytes(model.SerializeToString(deterministic=True))
    return path


def tensor_info(name: str, shape: list[int | str]) -> onnx.ValueInfoProto:
    """A float32 input or output."""
    return helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, shape)


def metadata_of(backbone: str, num_labels: int, feature_dim: int, longest_side: int) -> dict[str, str]:
    """Metadata of an exported backbone, format 1."""
    return {
        "dsc.format": "1",
        "dsc.backbone": backbone,
        "dsc.longest_side": str(longest_side),
        "dsc.feature_dim": str(feature_dim),
        "dsc.num_labels": str(num_labels),
        "dsc.labels": json.dumps([f"thing {i}" for i in range(num_labels)]),
    }


def _weights(num_labels: int, feature_dim: int, rng: np.random.Generator) -> dict[str, Array]:
    """Filters with some colour; the whitening's numbers are rounded so that any machine writes the same."""
    kernels = rng.standard_normal((feature_dim, 3, KERNEL, KERNEL))
    kernels -= kernels.mean(axis=(2, 3), keepdims=True)
    kernels += 0.5 * rng.standard_normal((feature_dim, 3, 1, 1))
    kernels /= KERNEL * np.sqrt(3)
    pooled = np.array([_gem(kernels, photo) for photo in _synthetic_photos(rng)])  # (S, F)
    return {
        "kernels": kernels,
        "middle": pooled.mean(axis=0).round(4),
        "spread": pooled.std(axis=0).round(4),
        "classifier": SHARPNESS * rng.standard_normal((feature_dim, num_labels)),
        "half": np.array(0.5),
        "eps": np.array(EPS),
        "p": np.array(3.0),
        "one_over_p": np.array(1.0 / 3.0),
    }


def _synthetic_photos(rng: np.random.Generator, count: int = 64, side: int = 64) -> Array:
    """(count, 3, side, side): coloured 1/f noise, each with its own brightness and contrast, in [0, 1]."""
    fy, fx = np.fft.fftfreq(side)[:, None], np.fft.fftfreq(side)[None, :]
    falloff = 1.0 / np.maximum(np.hypot(fy, fx), 1.0 / side)
    noise = np.fft.ifft2(np.fft.fft2(rng.standard_normal((count, 3, side, side))) * falloff).real
    noise /= noise.std(axis=(1, 2, 3), keepdims=True)
    grey = noise.mean(axis=1, keepdims=True)
    contrast = rng.uniform(0.1, 0.4, (count, 1, 1, 1))
    brightness = rng.uniform(0.2, 0.8, (count, 1, 1, 1))
    photos: Array = np.clip(brightness + contrast * (grey + 0.3 * noise), 0.0, 1.0)
    return photos


def _gem(kernels: Array, photo: Array) -> Array:
    """(F,): what the graph's first half computes for `photo` (3, H, W), but for the border."""
    _, height, width = photo.shape
    blocks = (photo - 0.5).reshape(3, height // KERNEL, KERNEL, width // KERNEL, KERNEL)
    patches = blocks.transpose(0, 2, 4, 1, 3).reshape(3 * KERNEL * KERNEL, -1)
    responses = kernels.reshape(len(kernels), -1) @ patches  # (F, positions)
    pooled: Array = np.cbrt((np.maximum(responses, EPS) ** 3).mean(axis=1))
    return pooled


def _nodes() -> list[onnx.NodeProto]:
    pads = [KERNEL // 2] * 4
    return [
        helper.make_node("Sub", ["image", "half"], ["centred"]),
        helper.make_node("Conv", ["centred", "kernels"], ["conv"], strides=[KERNEL, KERNEL], pads=pads),
        helper.make_node("Clip", ["conv", "eps"], ["map"]),
        helper.make_node("Pow", ["map", "p"], ["powered"]),
        helper.make_node("ReduceMean", ["powered", "space"], ["mean"], keepdims=0),
        helper.make_node("Pow", ["mean", "one_over_p"], ["pooled"]),
        helper.make_node("Sub", ["pooled", "middle"], ["deviation"]),
        helper.make_node("Div", ["deviation", "spread"], ["white"]),
        helper.make_node("LpNormalization", ["white"], ["feature"], axis=1, p=2),
        helper.make_node("MatMul", ["feature", "classifier"], ["logits"]),
        helper.make_node("Softmax", ["logits"], ["probabilities"], axis=1),
    ]
