"""`dsc-model combine` on the command line."""

from pathlib import Path
from typing import Annotated

import typer

from dsc_common.cli.paths import path_of
from dsc_common.cli.streams import say, show
from dsc_common.errors import DscError


def combine(
    features: Annotated[
        Path,
        typer.Argument(
            parser=path_of, metavar="FEATURES", help="The network (ONNX) whose feature is taken: M_f."
        ),
    ],
    classes: Annotated[
        Path,
        typer.Argument(
            parser=path_of, metavar="CLASSES", help="The network whose class probabilities are taken: M_c."
        ),
    ],
    out: Annotated[Path, typer.Argument(parser=path_of, metavar="OUT", help="ONNX file to write.")],
) -> None:
    """Write one network of two: the feature of one, the class probabilities of the other."""
    try:
        from dsc_model.combining import combine_files  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise DscError(f"combining needs the extra `quantize` of deep-semantic-coding: {error}") from error
    show(combine_files(features, classes, out).summary)
    say(f"wrote {out}")
