"""The command `dsc-channel`: a simulated radio link between device and server."""

from typing import Annotated, NoReturn

import typer

from dsc_channel.outcomes import outcomes_in
from dsc_channel.services import services
from dsc_channel.settings import ChannelSettings
from dsc_common.cli import tls_options
from dsc_common.cli.app import run_app
from dsc_common.cli.link_options import with_link_options
from dsc_common.cli.settings import read_settings
from dsc_common.cli.streams import say
from dsc_common.observing.observer import Observer
from dsc_common.observing.options import LogFormatOption, LogLevelOption, MetricsOption
from dsc_common.observing.service_metrics import watch_pool
from dsc_common.observing.setup import observing
from dsc_common.radio.link import LinkChoice
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
    tls_certificate: tls_options.Certificate = None,
    tls_key: tls_options.Key = None,
    tls_client_ca: tls_options.ClientCa = None,
    server_tls_ca: tls_options.ServerCa = None,
    insecure: tls_options.Insecure = None,
    metrics: MetricsOption = None,
    log_format: LogFormatOption = None,
    log_level: LogLevelOption = None,
    *,
    link: LinkChoice,
) -> None:
    """Serve the channel; print "listening on HOST:PORT" once it is ready. SIGTERM stops it gracefully.

    The options of the radio link apply to requests that do not choose.
    Every setting can come from the environment (DSC_CHANNEL_…), also those without an option:
    MAX_USES, MAX_LATENCY_MS and MAX_RESENDS bound what a request may choose;
    SERVER_MAX_MESSAGE_BYTES bounds their transmissions together;
    THREADS, MAX_MESSAGE_BYTES, MAX_REQUESTS_AT_ONCE, MAX_REQUESTS_PER_S, MAX_QUEUE_S,
    MAX_DOWNLOADS_AT_ONCE, MAX_CONNECTIONS, STALL_S, GRACE_S, USE_PROXY, SLOW_REQUEST_S,
    METRICS_BEYOND_LOOPBACK;
    SERVER_TLS_CERTIFICATE and SERVER_TLS_KEY are shown to the server, in place of those of the channel.
    Other machines that show no certificate need a token of the server.
    """
    settings = read_settings(
        ChannelSettings,
        listen=listen,
        server=server,
        allowed_modes=allowed_modes,
        server_wait_s=server_wait_s,
        tls_certificate=tls_certificate,
        tls_key=tls_key,
        tls_client_ca=tls_client_ca,
        server_tls_ca=server_tls_ca,
        insecure=insecure,
        metrics=metrics,
        log_format=log_format,
        log_level=log_level,
        **vars(link),
    )
    with observing(settings, "channel") as observer:
        _serve(settings, observer)


def _serve(settings: ChannelSettings, observer: Observer) -> None:
    if settings.exposure:
        say(settings.exposure)
    with batches_in_threads(settings.threads, settings.max_queue_s) as work:
        outcome = None
        if observer.registry is not None:
            watch_pool(observer.registry, work, settings.threads)
            outcome = outcomes_in(observer.registry)
        proxy = services(settings.behind, settings.link, settings.caps, settings.server_wait_s, work, outcome)
        serve_until_stopped(settings.listen, proxy, settings.limits, settings.tls, observer, settings.access)


def main() -> NoReturn:
    """Entry point of `dsc-channel`."""
    run_app(app)
