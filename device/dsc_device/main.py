"""The command `dsc-device`: query a server with photos, through a channel."""

from typing import NoReturn

import typer

from dsc_common.cli.app import run_app
from dsc_device.commands.camera import camera
from dsc_device.commands.info import info
from dsc_device.commands.query import query
from dsc_device.commands.sync import sync
from dsc_device.commands.watch import watch

app = typer.Typer(help="The edge device: photos in, 47-byte packets out.", no_args_is_help=True)


@app.callback()
def device() -> None:
    """The edge device: photos in, 47-byte packets out."""


for command in (query, watch, camera, sync, info):
    app.command()(command)


def main() -> NoReturn:
    """Entry point of `dsc-device`."""
    run_app(app)
