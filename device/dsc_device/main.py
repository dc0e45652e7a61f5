"""The command `dsc-device`: query a server with photos, through a channel."""

from pathlib import Path
from typing import Annotated, NoReturn

import typer

from dsc_common.cli.app import run_app
from dsc_common.cli.link_options import with_link_options
from dsc_common.cli.settings import read_settings, refused_as_setting
from dsc_common.cli.streams import say, show
from dsc_common.errors import InvalidImageError
from dsc_common.features.images import check_photo
from dsc_common.radio.link import LinkChoice, LinkSettings
from dsc_common.retrieval.options import DEFAULT_TOP, Policy, Ranking, RetrievalOptions
from dsc_common.serving.address import Peer
from dsc_device.client import open_channel, open_server
from dsc_device.codebooks.download import fetch_encoder_kit
from dsc_device.output import answer_to_json, answer_to_text
from dsc_device.querying import Querier, require_request_id
from dsc_device.settings import DeviceSettings

app = typer.Typer(help="The edge device: photos in, 47-byte packets out.", no_args_is_help=True)


def _ranking(text: str) -> Ranking:
    try:
        ranking = Ranking(text)
    except ValueError:
        raise typer.BadParameter(f"expected one of {', '.join(Ranking)}, got {text!r}") from None
    if text != ranking:
        say(f"note: the ranking {text} is now named {ranking}")
    return ranking


@app.callback()
def device() -> None:
    """The edge device: photos in, 47-byte packets out."""


@app.command()
@with_link_options
def query(
    photos: Annotated[list[Path], typer.Argument(metavar="PHOTO…", help="Query photos.")],
    server: Annotated[
        str | None,
        typer.Option(
            metavar="HOST:PORT",
            help="Server to download codebooks from. (env: DSC_DEVICE_SERVER, default: 127.0.0.1:50051)",
        ),
    ] = None,
    channel: Annotated[
        str | None,
        typer.Option(
            metavar="HOST:PORT",
            help="Channel to send packets to. (env: DSC_DEVICE_CHANNEL, default: 127.0.0.1:50052)",
        ),
    ] = None,
    request_id: Annotated[
        str | None,
        typer.Option(help="Key of the noise, with the seed. (default: a hash of the photo)"),
    ] = None,
    top: Annotated[int, typer.Option(help="Number of results.")] = DEFAULT_TOP,
    ranking: Annotated[
        Ranking | None,
        typer.Option(
            parser=_ranking,
            metavar=f"[{'|'.join(Ranking)}]",
            help="Eq. (14), eq. (15), or one estimate of q. (default: the index's)",
        ),
    ] = None,
    receiver: Annotated[
        str | None, typer.Option(help="Name of the server's receiver. (default: the server's)")
    ] = None,
    policy: Annotated[Policy, typer.Option(help="Action on low confidence.")] = Policy.RETURN,
    confidence_threshold: Annotated[
        float | None,
        typer.Option(help="Threshold of low confidence, 0 to 1. (default: the server's)"),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one line of JSON per photo.")] = False,
    wait_s: Annotated[
        float | None,
        typer.Option(
            help="Time limit for server and channel, in seconds. (env: DSC_DEVICE_WAIT_S, default: 30)"
        ),
    ] = None,
    cache: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="Folder of downloads. (env: DSC_DEVICE_CACHE, default: ~/.cache/dsc-device)"
        ),
    ] = None,
    server_tls_ca: Annotated[
        Path | None, typer.Option(metavar="PEM", help="CA certificates (PEM) for the server.")
    ] = None,
    channel_tls_ca: Annotated[
        Path | None, typer.Option(metavar="PEM", help="CA certificates (PEM) for the channel.")
    ] = None,
    *,
    link: LinkChoice,
) -> None:
    """Send each photo as a packet of 47 bytes through the channel and print the ranked images.

    An unreadable photo is reported and the others are still sent; the exit code is then 1.
    """
    with refused_as_setting():  # before anything is downloaded
        options = RetrievalOptions(top, ranking, receiver, policy, confidence_threshold)
        link.over(LinkSettings())
        require_request_id(request_id or "")
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
        server_peer = Peer("server", settings.server, settings.server_tls_ca, settings.use_proxy)
        with open_server(server_peer, settings.wait_s) as codebooks:
            kit = fetch_encoder_kit(codebooks, settings.cache, settings.threads)
        channel_peer = Peer("channel", settings.channel, settings.channel_tls_ca, settings.use_proxy)
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
            say(f"error: {error}")
    return readable


def _ask(querier: Querier, photo: Path, request_id: str | None, as_json: bool) -> bool:
    try:
        answer = querier.query(photo, request_id)
    except InvalidImageError as error:
        say(f"error: {error}")
        return False
    show(answer_to_json(answer) if as_json else answer_to_text(answer))
    return True


def main() -> NoReturn:
    """Entry point of `dsc-device`."""
    run_app(app)
