"""`dsc-server accept`: a further network, such as the int8 variant, whose queries an index answers."""

from pathlib import Path
from typing import Annotated

import typer

from dsc_common.cli.paths import path_of
from dsc_common.errors import DscError
from dsc_server.commands.info import Index, say


def accept(
    index: Index,
    model: Annotated[
        Path,
        typer.Argument(
            parser=path_of, metavar="MODEL", help="Network (ONNX) with the F, K and labels of the index's."
        ),
    ],
    name: Annotated[
        str | None, typer.Option(help="Name that devices ask for. (default: the network's precision)")
    ] = None,
    measured: Annotated[
        Path | None,
        typer.Option(
            parser=path_of,
            metavar="FILE",
            help="Loss of mAP with this network, as `dsc-eval loss` writes it. (default: not measured)",
        ),
    ] = None,
) -> None:
    """Make an index accept a further network; devices choose one by its name, and packets stay valid.

    A running server offers it after a restart.
    """
    try:
        from dsc_server.building.accepting import accept_model  # noqa: PLC0415 - ONNX Runtime
        from dsc_server.building.measured_loss import read_loss  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise DscError(f"accepting needs the extra `build` of deep-semantic-coding: {error}") from error
    loss = None if measured is None else read_loss(measured)
    manifest = accept_model(index, model, name, loss, say=say)
    for accepted in manifest.offer().models:
        loss_text = "not measured" if accepted.map_loss is None else f"{accepted.map_loss:.4f}"
        say(f"{accepted.name}: {accepted.file.size_bytes / 1e6:.1f} MB, loss of mAP {loss_text}")
