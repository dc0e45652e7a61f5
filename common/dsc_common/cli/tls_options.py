"""Options for TLS and tokens that several commands have."""

from pathlib import Path
from typing import Annotated

import typer

from dsc_common.cli.paths import path_of


def _pem(text: str) -> typer.models.OptionInfo:
    return typer.Option(parser=path_of, metavar="PEM", help=text)  # type: ignore[no-any-return]


# Of services.
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

# Of clients.
ServerCa = Annotated[Path | None, _pem("CA certificates (PEM) for the server.")]
ChannelCa = Annotated[Path | None, _pem("CA certificates (PEM) for the channel.")]
ClientCertificate = Annotated[Path | None, _pem("Certificate chain of the device, where services need one.")]
ClientKey = Annotated[Path | None, _pem("Private key of the device.")]
TokenFile = Annotated[
    Path | None,
    typer.Option(
        parser=path_of,
        metavar="FILE",
        help="File that holds the token of the device. (env: DSC_DEVICE_TOKEN_FILE)",
    ),
]
