"""Options that several commands of `dsc-eval` share."""

from pathlib import Path
from typing import Annotated

import typer

from dsc_eval.datasets.registry import DATASETS
from dsc_model import BACKBONES
from dsc_server.receiving.registry import ALIASES, RECEIVERS
from dsc_server.scheme_specs import SCHEMES

GroundTruth = Annotated[
    str,
    typer.Option(
        metavar="FILE", help=f"Ground truth, a JSON file; or NAME:DIR, a copy of {', '.join(DATASETS)}."
    ),
]
Out = Annotated[Path, typer.Option(metavar="DIR", help="Where CSV and JSON go.")]
Backbone = Annotated[str, typer.Option(help=f"Feature extractor: {', '.join(BACKBONES)}.")]
Model = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        envvar="DSC_SERVER_MODEL",
        help="An ONNX model made by `dsc-server export`, instead of a backbone.",
    ),
]
Schemes = Annotated[
    str | None, typer.Option(metavar="A,B,…", help=f"Schemes, with commas between: {', '.join(SCHEMES)}.")
]
Receivers = Annotated[
    str | None, typer.Option(metavar="A,B,…", help=f"Receivers: {', '.join((*RECEIVERS, *ALIASES))}.")
]
Points = Annotated[str | None, typer.Option(metavar="X,Y,…", help="SNRs in dB; inf: no noise.")]
Draws = Annotated[int | None, typer.Option(help="Draws of the noise, per query.")]
Distractors = Annotated[
    list[Path] | None,
    typer.Option(metavar="DIR", help="A folder of photos to add to the database; may be repeated."),
]
Simulate = Annotated[
    str | None,
    typer.Option(
        metavar="N,…",
        help="Add N simulated images to the database (labelled so in all that is written); "
        "several numbers make several databases, 0 is the real one.",
    ),
]
Config = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Settings, a TOML file, instead of those that ship.")
]
Seed = Annotated[int | None, typer.Option(help="Of everything random.")]
FileName = Annotated[
    str | None,
    typer.Option(
        "--name",
        metavar="NAME",
        help="Write NAME.csv and NAME.json, for a run beside another; "
        "`plot table1` draws table1-….csv along with table1.csv, `plot fig3` a figure of each fig3-….csv.",
    ),
]
