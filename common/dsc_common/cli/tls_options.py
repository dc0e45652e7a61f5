"""Options of services for TLS."""

from pathlib import Path
from typing import Annotated

import typer

from dsc_common.cli.paths import path_of


def _pem(text: str) -> typer.models.OptionInfo:
    return typer.Option(parser=path_of, metavar="PEM", help=text)  # type: ignore[no-any-return]


Certificate = Annotated[Path | None, _pem("Certificate chain of the service.")]
Key = Annotated[Path | None, _pem("Private key of the service.")]
ClientCa = Annotated[
    Path | None,
    _pem("CA certificates (PEM) of clients, which then need a certificate of them."),
]
Insecure = Annotated[
    bool | None,
    typer.Option("--insecure", help="Serve other machines without certificates or tokens, all who reach it."),
]

# Of a service that is a client, too.
ServerCa = Annotated[Path | None, _pem("CA certificates (PEM) for the server.")]
