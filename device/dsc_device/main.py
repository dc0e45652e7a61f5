"""The command `dsc-device`: ask a server which images show what a photo shows."""

import sys
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from dsc_common.cli.app import read_settings, run_app
from dsc_common.cli.link_options import with_link_options
from dsc_common.errors import InvalidImageError
from dsc_common.features.images import check_photo
from dsc_common.radio.link import LinkChoice, LinkSettings
from dsc_common.retrieval.options import DEFAULT_TOP, Policy, Ranking, RetrievalOptions
from dsc_common.serving.address import Peer
from dsc_device.client import open_channel, open_server
from dsc_device.codebooks.download import fetch_encoder_kit
from dsc_device.output import answer_to_json, answer_to_text
from dsc_device.querying import Querier
from dsc_device.settings import DeviceSettings

app = typer.Typer(help="The edge device: photos in, 47-byte packets out.", no_args_is_help=True)
TlsCa = Annotated[Path | None, typer.Option(metavar="PEM", help="Certificates that vouch for it.")]


@app.callback()
def device() -> None:
    """The edge device: photos in, 47-byte packets out."""


@app.command()
@with_link_options
def query(
    photos: Annotated[list[Path], typer.Argument(metavar="PHOTO…", help="Photos to ask about.")],
    server: Annotated[
        str | None,
        typer.Option(
            metavar="HOST:PORT",
            help="Whose codebooks to use. (env: DSC_DEVICE_SERVER, default: 127.0.0.1:50051)",
        ),
    ] = None,
    channel: Annotated[
        str | None,
        typer.Option(
            metavar="HOST:PORT",
            help="Where packets are sent. (env: DSC_DEVICE_CHANNEL, default: 127.0.0.1:50052)",
        ),
    ] = None,
    request_id: Annotated[
        str | None,
        typer.Option(help="Noise is keyed on seed and request id. (default: by the photo's content)"),
    ] = None,
    top: Annotated[int, typer.Option(help="Number of results.")] = DEFAULT_TOP,
    ranking: Annotated[
        Ranking | None,
        typer.Option(help="Eq. (14), eq. (15), or one fused estimate. (default: the index's own)"),
    ] = None,
    receiver: Annotated[
        str | None, typer.Option(help="Name of the server's receiver. (default: the server's)")
    ] = None,
    policy: Annotated[
        Policy, typer.Option(help="What to do with an answer of low confidence.")
    ] = Policy.RETURN,
    confidence_threshold: Annotated[
        float | None,
        typer.Option(help="Below it confidence is low, 0 to 1. (default: the server's)"),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object per photo and line.")] = False,
    wait_s: Annotated[
        float | None,
        typer.Option(help="Seconds to wait for server and channel. (env: DSC_DEVICE_WAIT_S, default: 30)"),
    ] = None,
    cache: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Downloads. (env: DSC_DEVICE_CACHE, default: ~/.cache/dsc-device)"),
    ] = None,
    server_tls_ca: TlsCa = None,
    channel_tls_ca: TlsCa = None,
    *,
    link: LinkChoice,
) -> None:
    """Send each photo as a packet of 47 bytes through the channel and print the ranked images.

    A photo that cannot be read is reported and the others are still asked; the exit code is then 1.
    """
    options = RetrievalOptions(top, ranking, receiver, policy, confidence_threshold)
    link.over(LinkSettings())  # refuse an impossible number before anything is downloaded
    settings = read_settings(
        DeviceSettings,
        server=server,
        channel=channel,
        wait_s=wait_s,
        cache=cache,
        server_tls_ca=server_tls_ca,
        channel_tls_ca=channel_tls_ca,
    )
    readable = _readable(photos)
    failed = len(photos) - len(readable)
    if readable:
        server_peer = Peer("server", settings.server, settings.server_tls_ca)
        with open_server(server_peer, settings.wait_s) as codebooks:
            kit = fetch_encoder_kit(codebooks, settings.cache, settings.threads)
        channel_peer = Peer("channel", settings.channel, settings.channel_tls_ca)
        with open_channel(channel_peer, settings.wait_s) as client:
            querier = Querier(kit, client, link, options)
            failed += sum(not _ask(querier, photo, request_id, as_json) for photo in readable)
    if failed:
        raise typer.Exit(1)


def _readable(photos: list[Path]) -> list[Path]:
    readable = []
    for photo in photos:
        try:
            check_photo(photo)
            readable.append(photo)
        except InvalidImageError as error:
            print(f"error: {error}", file=sys.stderr, flush=True)
    return readable


def _ask(querier: Querier, photo: Path, request_id: str | None, as_json: bool) -> bool:
    try:
        answer = querier.query(photo, request_id)
    except InvalidImageError as error:
        print(f"error: {error}", file=sys.stderr, flush=True)
        return False
    print(answer_to_json(answer) if as_json else answer_to_text(answer), flush=True)
    return True


def main() -> NoReturn:
    """Entry point of `dsc-device`."""
    run_app(app)
