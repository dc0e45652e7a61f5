"""Options that every experiment's command has; those of its settings are made from the settings."""

from pathlib import Path
from typing import Annotated

import typer

from dsc_common.cli.paths import path_of
from dsc_eval.datasets.registry import DATASETS
from dsc_eval.experiments.settings import SHIPPED
from dsc_model import BACKBONES

DEFAULT_BACKBONE = "efficientnet-lite0"

GroundTruths = Annotated[
    list[str],
    typer.Option(
        "--ground-truth",
        metavar="FILE",
        help=f"Ground truth: a JSON file, or NAME:DIR, a local copy of {', '.join(DATASETS)}. "
        "`compare` takes several.",
    ),
]
Features = Annotated[
    list[Path] | None,
    typer.Option(
        parser=path_of,
        metavar="FILE",
        help="Feature file, in place of photos and a network; one for each ground truth, in their order.",
    ),
]
Out = Annotated[Path, typer.Option(parser=path_of, metavar="DIR", help="Folder for the CSV and JSON files.")]
Backbone = Annotated[str, typer.Option(help=f"Feature extractor: {', '.join(BACKBONES)}.")]
Model = Annotated[
    Path | None,
    typer.Option(
        parser=path_of,
        metavar="FILE",
        envvar="DSC_SERVER_MODEL",
        help="ONNX model made with `dsc-server export`, in place of a backbone.",
    ),
]
Distractors = Annotated[
    list[Path] | None,
    typer.Option(
        parser=path_of, metavar="DIR", help="Folder of photos added to the database; may be repeated."
    ),
]
Config = Annotated[
    Path | None,
    typer.Option(
        parser=path_of,
        metavar="FILE",
        help=f"TOML file of settings, or the name of one that ships: {', '.join(SHIPPED)}.",
    ),
]
Append = Annotated[
    bool,
    typer.Option(
        "--append",
        help="Keep rows of an earlier NAME.csv that are not measured again; the JSON describes each run.",
    ),
]
Resume = Annotated[
    bool,
    typer.Option(
        "--resume",
        help="Measure nothing if the files are those of a finished run of the same code, settings and data.",
    ),
]
FileName = Annotated[
    str | None,
    typer.Option(
        "--name",
        metavar="NAME",
        help="Write NAME.csv and NAME.json, for a run beside another; "
        "`plot table1` draws table1-….csv along with table1.csv, `plot fig3` a figure of each fig3-….csv.",
    ),
]
