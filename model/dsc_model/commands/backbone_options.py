"""Options of a backbone, shared by the commands that take one."""

from pathlib import Path
from typing import Annotated

import typer

from dsc_common.cli.paths import path_of
from dsc_model.backbones.registry import LONGEST_SIDES

_SIDES = ", ".join(f"{side} for {name}" for name, side in LONGEST_SIDES.items())
LongestSide = Annotated[
    int | None, typer.Option(help=f"Pixels to which a photo's longest side is scaled. (default: {_SIDES})")
]
ClassWeights = Annotated[
    Path | None,
    typer.Option(
        parser=path_of,
        metavar="FILE",
        help="Classifier of a ResNet: a torchvision state dict. (default: torchvision's)",
    ),
]
FeatureWeights = Annotated[
    Path | None,
    typer.Option(
        parser=path_of,
        metavar="FILE",
        help="Feature network of a ResNet: a torchvision state dict or cirtorch checkpoint.",
    ),
]
