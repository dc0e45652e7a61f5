"""The command `dsc-model`: work on exported feature networks."""

from typing import NoReturn

import typer

from dsc_common.cli.app import run_app
from dsc_model.commands.quantize import quantize

app = typer.Typer(help="Feature networks: smaller and faster ones for devices.", no_args_is_help=True)
app.command()(quantize)


@app.callback()
def model() -> None:
    """Feature networks: smaller and faster ones for devices."""


def main() -> NoReturn:
    """Entry point of `dsc-model`."""
    run_app(app)
