"""A PhotoNetwork written as one ONNX file: the same weights give the same bytes, without paths or dates."""

import warnings
from pathlib import Path

import onnx
import torch
import torchvision
from google.protobuf.message import Message
from torch import nn

from dsc_common.errors import DscError
from dsc_model.metadata import describe
from dsc_model.model_file import write_whole

OPSET = 18
PRODUCER = "deep-semantic-coding"
_EXAMPLE_SHAPE = (2, 3, 288, 362)  # (n, 3, H, W), all unequal: tracing keeps them apart; one would be fixed
_INCIDENTAL = ("doc_string", "metadata_props", "value_info")  # the exporter's notes: stack traces with paths


def export_module(module: nn.Module, path: Path, name: str, longest_side: int) -> None:
    """Trace `module` (a PhotoNetwork, K = 1000 ImageNet labels), describe it in its metadata and write it.

    Raises:
        DscError: the file cannot be written; nothing is left then.
    """
    model = trace(module)
    labels = torchvision.models.ResNet101_Weights.IMAGENET1K_V2.meta["categories"]
    describe(model, name, longest_side, labels)
    onnx.checker.check_model(model)
    write_whole(path, model.SerializeToString(deterministic=True))


def trace(module: nn.Module) -> onnx.ModelProto:
    """Return `module` as ONNX for any number of photos, height and width, stripped of needless notes."""
    photos, height, width = (torch.export.Dim(name) for name in ("batch", "height", "width"))
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        program = torch.onnx.export(
            module,
            (torch.zeros(*_EXAMPLE_SHAPE),),
            input_names=["image"],
            output_names=["feature", "probabilities"],
            opset_version=OPSET,
            dynamo=True,
            dynamic_shapes=({0: photos, 2: height, 3: width},),
            external_data=False,
            verbose=False,
        )
    if program is None:
        raise DscError("torch exported no model; this version of torch does not fit")
    model = program.model_proto
    _strip(model)
    model.producer_name, model.producer_version = PRODUCER, ""
    return model


def _strip(message: Message) -> None:
    """Clear notes in every part of the model, graphs within nodes included."""
    for field, value in message.ListFields():
        if field.name in _INCIDENTAL:
            message.ClearField(field.name)
        elif isinstance(value, Message):
            _strip(value)
        elif field.message_type is not None:
            for part in value:
                _strip(part)
