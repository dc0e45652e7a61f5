"""The command `dsc-channel`: a radio link between device and server, with noise of a chosen SNR."""

from pathlib import Path
from typing import Annotated, NoReturn

import typer

from dsc_channel.services import services
from dsc_channel.settings import ChannelSettings
from dsc_common.cli.app import read_settings, run_app
from dsc_common.cli.link_options import with_link_options
from dsc_common.radio.link import LinkChoice
from dsc_common.serving.address import Peer, parse_address
from dsc_common.serving.server import serve as serve_until_stopped

app = typer.Typer(help="The channel proxy: modulates packets and adds noise.", no_args_is_help=True)


@app.callback()
def channel() -> None:
    """The channel proxy: modulates packets and adds noise."""


@app.command()
@with_link_options
def serve(
    listen: Annotated[
        str | None,
        typer.Option(
            metavar="HOST:PORT",
            help="Where to listen; port 0 is a free one. (env: DSC_CHANNEL_LISTEN, default: 127.0.0.1:50052)",
        ),
    ] = None,
    server: Annotated[
        str | None,
        typer.Option(
            metavar="HOST:PORT",
            help="The server behind the channel. (env: DSC_CHANNEL_SERVER, default: 127.0.0.1:50051)",
        ),
    ] = None,
    allowed_modes: Annotated[
        str | None,
        typer.Option(metavar="MODE,…", help="Modes that requests may choose. (default: all)"),
    ] = None,
    server_wait_s: Annotated[
        float | None, typer.Option(help="Seconds to wait for the server's answer. (default: 10)")
    ] = None,
    tls_certificate: Annotated[Path | None, typer.Option(metavar="PEM", help="Certificate chain.")] = None,
    tls_key: Annotated[Path | None, typer.Option(metavar="PEM", help="Private key.")] = None,
    server_tls_ca: Annotated[
        Path | None, typer.Option(metavar="PEM", help="Certificates that vouch for the server.")
    ] = None,
    *,
    link: LinkChoice,
) -> None:
    """Serve the channel; prints "listening on HOST:PORT" when it is ready. SIGTERM ends it gracefully.

    The options of the radio link are for requests that don't choose for themselves.
    Every setting can come from the environment (DSC_CHANNEL_…), also those that have no option here:
    MAX_USES, MAX_LATENCY_MS and MAX_RESENDS bound what a request may choose;
    MAX_MESSAGE_BYTES, MAX_REQUESTS_AT_ONCE, GRACE_S.
    """
    settings = read_settings(
        ChannelSettings,
        listen=listen,
        server=server,
        allowed_modes=allowed_modes,
        server_wait_s=server_wait_s,
        tls_certificate=tls_certificate,
        tls_key=tls_key,
        server_tls_ca=server_tls_ca,
        **vars(link),
    )
    parse_address(settings.server)
    behind = Peer("server", settings.server, settings.server_tls_ca)
    proxy = services(behind, settings.link, settings.caps, settings.server_wait_s)
    serve_until_stopped(settings.listen, proxy, settings.limits, settings.tls)


def main() -> NoReturn:
    """Entry point of `dsc-channel`."""
    run_app(app)
