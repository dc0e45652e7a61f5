"""`dsc-model check` on the command line."""

from pathlib import Path
from typing import Annotated

import typer

from dsc_common.cli.paths import path_of
from dsc_common.cli.streams import say, show
from dsc_common.errors import DscError
from dsc_model.backbones.registry import MAX_LONGEST_SIDE, MIN_LONGEST_SIDE


def check(
    file: Annotated[Path, typer.Argument(parser=path_of, metavar="FILE", help="The ONNX file.")],
    describe: Annotated[
        Path | None,
        typer.Option(
            parser=path_of,
            metavar="OUT",
            help="Write a copy with metadata, if nothing else is missing; needs the options below.",
        ),
    ] = None,
    backbone: Annotated[str | None, typer.Option(help="Name of the network, for --describe.")] = None,
    longest_side: Annotated[
        int | None,
        typer.Option(
            min=MIN_LONGEST_SIDE, max=MAX_LONGEST_SIDE, help="Longest side of photos, for --describe."
        ),
    ] = None,
    labels: Annotated[
        Path | None,
        typer.Option(
            parser=path_of, metavar="FILE", help="Names of the labels, one on each line, for --describe."
        ),
    ] = None,
) -> None:
    """Print what an ONNX file lacks to be used as a network, one line each, or what it is."""
    try:
        from dsc_model.checking.check import (  # noqa: PLC0415
            Description,
            check_file,
            describe_file,
            read_labels,
        )
    except ModuleNotFoundError as error:
        raise DscError(f"checking needs the extra `quantize` of deep-semantic-coding: {error}") from error
    if describe is None:
        if (backbone, longest_side, labels) != (None, None, None):
            raise typer.BadParameter("--backbone, --longest-side and --labels apply to --describe")
        checked = check_file(file)
    elif not backbone or longest_side is None or labels is None:
        raise typer.BadParameter("--describe needs --backbone, --longest-side and --labels")
    else:
        checked = describe_file(file, describe, Description(backbone, longest_side, read_labels(labels)))
    for fault in checked.faults:
        show(fault)
    if checked.faults:
        raise DscError(f"{file} cannot be used as a network")
    show(checked.summary)
    if describe is not None:
        say(f"wrote {describe}")
