"""The option of commands that compute features of many photos: where."""

from typing import Annotated

import typer

from dsc_common.features.hardware import Hardware

Device = Annotated[
    Hardware,
    typer.Option(help="Where the network computes; cuda: one GPU, with the package onnxruntime-gpu."),
]
