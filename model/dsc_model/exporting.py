"""`dsc-model export`: a backbone, or a checkpoint of a training, to ONNX or to a cirtorch checkpoint."""

from pathlib import Path

from torch import nn

from dsc_common.errors import InvalidInputError
from dsc_model.backbones import resnet
from dsc_model.backbones.network import PhotoNetwork
from dsc_model.backbones.registry import (
    BACKBONES,
    RESNETS,
    BackboneOptions,
    build_backbone,
    export_backbone,
    longest_side_of,
    require_exportable,
)
from dsc_model.export import export_module
from dsc_model.model_file import check_target, write_whole
from dsc_model.training.checkpoints import Checkpoint, load_model, read_checkpoint
from dsc_model.training.feature_network import FeatureNetwork
from dsc_model.training.job import TRAINED
from dsc_model.weights.cirtorch import cirtorch_file

CIRTORCH = ".pth"


def export(source: str, out: Path, options: BackboneOptions) -> None:
    """Write `out`, whole or not at all: ONNX, or a ResNet's feature network as cirtorch reads it (`.pth`).

    Args:
        source: name of a backbone, or path of a checkpoint of a training.
        out: the file to write.
        options: of the backbone.

    Raises:
        InvalidInputError: no such backbone or checkpoint, an option that changes nothing, weights that do
            not fit, or another architecture as `.pth`.
        DscError: weights cannot be downloaded, or the file cannot be written.
    """
    check_target(out)
    checkpoint = None if source in BACKBONES else _checkpoint(source, options)
    name = source if checkpoint is None else checkpoint.origin.backbone
    if out.suffix == CIRTORCH:
        _require_fit(name, checkpoint, options)
    require_exportable(name, options)
    if out.suffix == CIRTORCH:
        write_whole(out, _cirtorch(source, name, checkpoint, options))
    elif checkpoint is None:
        export_backbone(name, out, options)
    else:
        network = _trained(checkpoint, build_backbone(name, options), source)
        export_module(network, out, name + TRAINED, longest_side_of(name, options))


def _checkpoint(source: str, options: BackboneOptions) -> Checkpoint:
    path = Path(source)
    if not path.is_file():
        raise InvalidInputError(
            f"expected a file, or one of the backbones {', '.join(BACKBONES)}, got {source!r}"
        )
    if options.feature_weights is not None:
        raise InvalidInputError("--feature-weights changes nothing with a checkpoint of a training")
    return read_checkpoint(path)


def _trained(checkpoint: Checkpoint, network: PhotoNetwork, source: str) -> PhotoNetwork:
    """`network` with the feature network of the checkpoint; the classifier stays."""
    features = FeatureNetwork(network)
    whitening = checkpoint.model.get("whiten.weight")
    if whitening is not None:
        features.whiten = nn.Linear(network.classifier.get_parameter("weight").shape[1], len(whitening))
    load_model(features, checkpoint.model, checkpoint.origin.backbone, Path(source))
    return features.photo_network(network)


def _require_fit(name: str, checkpoint: Checkpoint | None, options: BackboneOptions) -> None:
    if name not in RESNETS:
        raise InvalidInputError(f"expected {' or '.join(RESNETS)} for a {CIRTORCH} file, got {name}")
    complete = checkpoint is not None or options.feature_weights is not None
    for option, idle in (
        ("--longest-side", options.longest_side is not None),
        ("--class-weights", options.class_weights is not None and complete),
    ):
        if idle:
            raise InvalidInputError(f"{option} changes nothing in a {CIRTORCH} file of the feature network")


def _cirtorch(source: str, name: str, checkpoint: Checkpoint | None, options: BackboneOptions) -> bytes:
    if checkpoint is None:
        content = resnet.as_cirtorch(*resnet.feature_network(name, options))
    else:
        network = _trained(checkpoint, resnet.untrained(name), source)
        content = resnet.as_cirtorch(network.trunk, network.descriptor)
    return cirtorch_file(content, name, resnet.FEATURE_DIM)
