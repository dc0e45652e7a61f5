"""`dsc-eval loss`: what queries of another network lose at an index, measured on a ground truth."""

from pathlib import Path
from typing import Annotated

import typer

from dsc_common.cli.paths import path_of
from dsc_common.cli.progress_bar import bar
from dsc_common.cli.streams import say, show
from dsc_eval.models.index_loss import measure_index_loss
from dsc_eval.output import write_json


def loss(
    index: Annotated[Path, typer.Option(parser=path_of, metavar="DIR", help="The index directory.")],
    model: Annotated[
        Path, typer.Option(parser=path_of, metavar="FILE", help="The other network, such as an int8 variant.")
    ],
    ground_truth: Annotated[
        str,
        typer.Option(metavar="FILE", help="Ground truth: a JSON file, or NAME:DIR of a published data set."),
    ],
    out: Annotated[
        Path | None,
        typer.Option(
            parser=path_of, metavar="FILE", help="JSON file to write, for `dsc-server accept --measured`."
        ),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the bootstrap.")] = 0,
) -> None:
    """Measure the mAP that queries lose with another network than that of an index, without noise."""
    measured = measure_index_loss(index, model, ground_truth, seed=seed, say=say, track=bar)
    if out is not None:
        write_json(out, measured.as_dict())
    interval = measured.difference.interval
    show(
        f"{measured.dataset}, {measured.queries} queries: mAP {measured.map_own:.4f} with the network of the "
        f"index, {measured.map_other:.4f} with the other; "
        f"loss {interval.mean:.4f} ({interval.low:.4f} to {interval.high:.4f})"
    )
