"""`dsc-model export` on the command line."""

from pathlib import Path
from typing import Annotated

import typer

from dsc_common.cli.paths import path_of
from dsc_common.cli.streams import say
from dsc_common.errors import DscError
from dsc_model.backbones.registry import BACKBONES, BackboneOptions
from dsc_model.commands.backbone_options import ClassWeights, FeatureWeights, LongestSide


def export(
    source: Annotated[
        str,
        typer.Argument(
            metavar="NAME|CHECKPOINT",
            help=f"A backbone ({', '.join(BACKBONES)}), or best.safetensors of a training.",
            show_default=False,
        ),
    ],
    out: Annotated[
        Path,
        typer.Argument(
            parser=path_of,
            metavar="OUT",
            help="File to write: ONNX, or the feature network of a ResNet in cirtorch's layout (.pth).",
        ),
    ],
    longest_side: LongestSide = None,
    class_weights: ClassWeights = None,
    feature_weights: FeatureWeights = None,
) -> None:
    """Export a backbone, or what was trained, to ONNX, or to a .pth file for cirtorch."""
    try:
        from dsc_model.exporting import export as export_to  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise DscError(f"exporting needs the extra `train` of deep-semantic-coding: {error}") from error
    export_to(source, out, BackboneOptions(longest_side, class_weights, feature_weights))
    say(f"wrote {out}")
