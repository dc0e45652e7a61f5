"""The command `dsc-model`: training and export of feature networks, and work on exported ones."""

from typing import NoReturn

import typer

from dsc_common.cli.app import run_app
from dsc_model.commands.check import check
from dsc_model.commands.combine import combine
from dsc_model.commands.export import export
from dsc_model.commands.quantize import quantize
from dsc_model.commands.train import train
from dsc_model.commands.whiten import whiten

app = typer.Typer(
    help="Feature networks: train, export and check them, and make them smaller for devices.",
    no_args_is_help=True,
)
app.command()(train)
app.command()(export)
app.command()(check)
app.command()(combine)
app.command()(quantize)
app.command()(whiten)


@app.callback()
def model() -> None:
    """Feature networks: train, export and check them, and make them smaller for devices."""


def main() -> NoReturn:
    """Entry point of `dsc-model`."""
    run_app(app)
