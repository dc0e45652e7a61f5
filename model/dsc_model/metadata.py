"""Metadata of an ONNX file that make it a network of this project; torch is not needed."""

import json

import onnx

from dsc_common.errors import InvalidInputError

FORMAT = "1"


def describe(model: onnx.ModelProto, name: str, longest_side: int, labels: list[str]) -> None:
    """Put into `metadata_props` what a reader needs to know; the dimensions come from the graph itself."""
    dims = {output.name: output.type.tensor_type.shape.dim[1].dim_value for output in model.graph.output}
    if dims["probabilities"] != len(labels):
        raise InvalidInputError(f"expected {len(labels)} classes, got {dims['probabilities']}")
    properties = {
        "dsc.format": FORMAT,
        "dsc.backbone": name,
        "dsc.longest_side": str(longest_side),
        "dsc.feature_dim": str(dims["feature"]),
        "dsc.num_labels": str(len(labels)),
        "dsc.labels": json.dumps(labels),
    }
    onnx.helper.set_model_props(model, properties)
