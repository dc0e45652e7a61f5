"""The command `dsc-channel`: a simulated radio link between device and server."""

from pathlib import Path
from typing import Annotated, NoReturn

import typer

from dsc_channel.services import services
from dsc_channel.settings import ChannelSettings
from dsc_common.cli.app import run_app
from dsc_common.cli.link_options import with_link_options
from dsc_common.cli.paths import path_of
from dsc_common.cli.settings import read_settings
from dsc_common.radio.link import LinkChoice
from dsc_common.serving.address import Peer
from dsc_common.serving.batches import batches_in_threads
from dsc_common.serving.server import serve as serve_until_stopped

app = typer.Typer(
    help="The channel: modulates packets, adds noise, and forwards them to a server.", no_args_is_help=True
)


@app.callback()
def channel() -> None:
    """The channel: modulates packets, adds noise, and forwards them to a server."""


@app.command()
@with_link_options
def serve(
    listen: Annotated[
        str | None,
        typer.Option(
            metavar="HOST:PORT",
            help="Listening address; port 0 selects a free port. "
            "(env: DSC_CHANNEL_LISTEN, default: 127.0.0.1:50052)",
        ),
    ] = None,
    server: Annotated[
        str | None,
        typer.Option(
            metavar="HOST:PORT",
            help="Address of the server. (env: DSC_CHANNEL_SERVER, default: 127.0.0.1:50051)",
        ),
    ] = None,
    allowed_modes: Annotated[
        str | None,
        typer.Option(metavar="MODE,…", help="Modulations that requests may choose. (default: all)"),
    ] = None,
    server_wait_s: Annotated[
        float | None, typer.Option(help="Time limit for the server's answer, in seconds. (default: 10)")
    ] = None,
    tls_certificate: Annotated[
        Path | None, typer.Option(parser=path_of, metavar="PEM", help="Certificate chain of the channel.")
    ] = None,
    tls_key: Annotated[
        Path | None, typer.Option(parser=path_of, metavar="PEM", help="Private key of the channel.")
    ] = None,
    server_tls_ca: Annotated[
        Path | None, typer.Option(parser=path_of, metavar="PEM", help="CA certificates (PEM) for the server.")
    ] = None,
    *,
    link: LinkChoice,
) -> None:
    """Serve the channel; print "listening on HOST:PORT" once it is ready. SIGTERM stops it gracefully.

    The options of the radio link apply to requests that do not choose.
    Every setting can come from the environment (DSC_CHANNEL_…), also those without an option:
    MAX_USES, MAX_LATENCY_MS and MAX_RESENDS bound what a request may choose;
    SERVER_MAX_MESSAGE_BYTES bounds their transmissions together;
    THREADS, MAX_MESSAGE_BYTES, MAX_REQUESTS_AT_ONCE, MAX_REQUESTS_PER_S, MAX_QUEUE_S,
    MAX_DOWNLOADS_AT_ONCE, STALL_S, GRACE_S, USE_PROXY.
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
    behind = Peer("server", settings.server, settings.server_tls_ca, settings.use_proxy)
    with batches_in_threads(settings.threads, settings.max_queue_s) as work:
        proxy = services(behind, settings.link, settings.caps, settings.server_wait_s, work)
        serve_until_stopped(settings.listen, proxy, settings.limits, settings.tls)


def main() -> NoReturn:
    """Entry point of `dsc-channel`."""
    run_app(app)
