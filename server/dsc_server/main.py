"""The command `dsc-server`: build, inspect and serve a semantic inverted index."""

from typing import NoReturn

import typer

from dsc_common.cli.app import run_app
from dsc_server.commands.accept import accept
from dsc_server.commands.build import build, export
from dsc_server.commands.cert import cert
from dsc_server.commands.info import info
from dsc_server.commands.serve import serve
from dsc_server.commands.token import app as token

app = typer.Typer(help="The edge server: build and serve a semantic inverted index.", no_args_is_help=True)
for command in (build, info, export, accept, serve, cert):
    app.command()(command)
app.add_typer(token, name="token")


def main() -> NoReturn:
    """Entry point of `dsc-server`."""
    run_app(app)
