"""`dsc-model whiten`: the whitening of a network's features, learned from matched pairs of photos."""

from pathlib import Path
from typing import Annotated

import typer

from dsc_common.cli.hardware_option import Device
from dsc_common.cli.paths import path_of
from dsc_common.cli.streams import say
from dsc_common.errors import DscError
from dsc_common.features.hardware import CPU
from dsc_common.files.cache import cache_folder
from dsc_model.whitening.learning import SHRINKAGE


def whiten(
    network: Annotated[
        Path, typer.Argument(parser=path_of, metavar="NETWORK", help="An exported network (ONNX).")
    ],
    data: Annotated[
        Path,
        typer.Argument(
            parser=path_of,
            metavar="DATA",
            help="A folder of groups of photos, a ground truth (.json), or SfM tuples (.pkl).",
        ),
    ],
    out: Annotated[Path, typer.Argument(parser=path_of, metavar="OUT", help="File to write (safetensors).")],
    shrinkage: Annotated[
        float,
        typer.Option(
            min=0.001, max=1.0, help="Weight of a multiple of the identity in the covariance of differences."
        ),
    ] = SHRINKAGE,
    device: Device = CPU,
    no_keep: Annotated[bool, typer.Option("--no-keep", help="Extract all features, and keep none.")] = False,
) -> None:
    """Learn a whitening from matched pairs of photos, for `dsc-server build --whitening`."""
    try:
        from dsc_common.cli.progress_bar import bar  # noqa: PLC0415
        from dsc_model.whitening.whiten import whiten as learn  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise DscError(f"whitening needs the extra `quantize` of deep-semantic-coding: {error}") from error
    store = None if no_keep else cache_folder("dsc-model")
    learned = learn(network, data, out, shrinkage, hardware=device, store=store, say=say, track=bar)
    say(f"wrote {out}: F = {learned.mean.size}, learned from {learned.source}")
