"""`dsc-eval load`: how many requests per second a running service answers, and how fast."""

import asyncio
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from dsc_common.cli import tls_options
from dsc_common.cli.link_options import with_link_options
from dsc_common.cli.paths import path_of
from dsc_common.cli.settings import read_settings, refused_as_setting
from dsc_common.cli.streams import say, show
from dsc_common.errors import DscError, InvalidImageError, InvalidInputError, SettingError
from dsc_common.features.extraction import Extraction
from dsc_common.radio.link import LinkChoice, LinkSettings
from dsc_common.retrieval.options import DEFAULT_TOP, RetrievalOptions
from dsc_device.photos import find_photos
from dsc_device.rows import find_rows
from dsc_device.settings import DeviceSettings
from dsc_eval.load.calling import EMPTY_REQUEST, Method, Target, measure
from dsc_eval.load.closed_loop import Plan
from dsc_eval.load.packets import encode_for
from dsc_eval.load.report import LoadReport, report
from dsc_eval.load.requests import retrieve_requests, transmit_requests
from dsc_eval.output import as_json
from dsc_eval.row_table import show_rows

MAX_CLIENTS = 10_000
MAX_SECONDS = 86_400.0
SHOWN = (
    *("clients", "per_second", "p50_ms", "p90_ms", "p99_ms", "max_ms", "answered", "errors", "statuses"),
    *("generator_cpu_ms", "generator_busy"),
)


@with_link_options
def load(
    method: Annotated[
        Method,
        typer.Argument(
            metavar="CALL",
            help="transmit: packets through a channel. retrieve: received signals to a server. "
            "empty: health checks of a server.",
        ),
    ],
    photos: Annotated[
        list[str] | None,
        typer.Argument(metavar="[PHOTO…]", help="Photos, or folders of photos.", show_default=False),
    ] = None,
    features: Annotated[
        Path | None,
        typer.Option(parser=path_of, metavar="FILE", help="Feature file, in place of photos."),
    ] = None,
    server: Annotated[
        str | None,
        typer.Option(
            metavar="HOST:PORT",
            help="Server, also of the codebooks. (env: DSC_DEVICE_SERVER, default: 127.0.0.1:50051)",
        ),
    ] = None,
    channel: Annotated[
        str | None,
        typer.Option(
            metavar="HOST:PORT", help="Channel. (env: DSC_DEVICE_CHANNEL, default: 127.0.0.1:50052)"
        ),
    ] = None,
    clients: Annotated[
        str, typer.Option(metavar="N,…", help="Numbers of clients, one measurement after the other.")
    ] = "16",
    seconds: Annotated[
        float, typer.Option(min=0.01, max=MAX_SECONDS, help="Seconds of a measurement.")
    ] = 10.0,
    requests: Annotated[
        int | None, typer.Option(min=1, help="Requests of a measurement, in place of --seconds.")
    ] = None,
    warm_up_s: Annotated[
        float, typer.Option(min=0, max=MAX_SECONDS, help="Seconds before it that do not count.")
    ] = 1.0,
    connections: Annotated[
        int | None,
        typer.Option(min=1, help="Connections that the clients share. (default: one for each client)"),
    ] = None,
    top: Annotated[int, typer.Option(help="Number of results.")] = DEFAULT_TOP,
    receiver: Annotated[
        str | None, typer.Option(help="Name of the server's receiver. (default: the server's)")
    ] = None,
    json_lines: Annotated[bool, typer.Option("--json", help="Print the reports as JSON.")] = False,
    wait_s: Annotated[
        float | None,
        typer.Option(help="Time limit of a request, in seconds. (env: DSC_DEVICE_WAIT_S, default: 30)"),
    ] = None,
    cache: Annotated[
        Path | None,
        typer.Option(
            parser=path_of,
            metavar="DIR",
            help="Folder of downloads. (env: DSC_DEVICE_CACHE, default: ~/.cache/dsc-device)",
        ),
    ] = None,
    server_tls_ca: tls_options.ServerCa = None,
    channel_tls_ca: tls_options.ChannelCa = None,
    tls_certificate: tls_options.ClientCertificate = None,
    tls_key: tls_options.ClientKey = None,
    token_file: tls_options.TokenFile = None,
    *,
    link: LinkChoice,
) -> None:
    """Put load on a running server or channel: clients that each send again when the answer has come.

    Packets are encoded before. Other settings of the device come from the environment, too (DSC_DEVICE_…).
    """
    with refused_as_setting():
        options = RetrievalOptions(top, receiver=receiver)
        link.over(LinkSettings())
        counts = _counts(clients)
    settings = read_settings(
        DeviceSettings,
        server=server,
        channel=channel,
        wait_s=wait_s,
        cache=cache,
        server_tls_ca=server_tls_ca,
        channel_tls_ca=channel_tls_ca,
        tls_certificate=tls_certificate,
        tls_key=tls_key,
        token_file=token_file,
    )
    if method is Method.EMPTY:
        if photos or features is not None:
            raise SettingError("expected no photos and no features with empty calls")
        messages = [EMPTY_REQUEST]
    else:
        messages = _messages(method, _queries(photos or [], features), settings, link, options)
    peer = settings.channel_peer if method is Method.TRANSMIT else settings.server_peer
    target = Target(peer, method, messages, settings.wait_s, connections)
    reports = []
    for count in counts:
        say(f"{method}: {count} client{'s' * (count != 1)} at {target.peer}")
        plan = Plan(count, seconds, warm_up_s, requests)
        reports.append(report(asyncio.run(measure(target, plan)), count))
    _show(target, reports, as_text=not json_lines)
    if not any(each.answered for each in reports):
        statuses = reports[0].row()["statuses"] or "none ended in this time"
        raise DscError(f"no request was answered: {statuses}")


def _counts(text: str) -> list[int]:
    try:
        counts = [int(part) for part in text.split(",")]
    except ValueError:
        counts = []
    if not counts or not all(1 <= count <= MAX_CLIENTS for count in counts):
        raise InvalidInputError(
            f"--clients: expected numbers from 1 to {MAX_CLIENTS} with commas between, got {text!r}"
        )
    return list(dict.fromkeys(counts))


def _queries(photos: list[str], features: Path | None) -> list[Path | Extraction]:
    if (features is None) == (not photos):
        raise SettingError("expected PHOTOS or --features FILE, got " + ("both" if photos else "neither"))
    if features is not None:
        return [row.content for row in find_rows(features)]
    found = find_photos(photos)
    if found.errors:
        raise InvalidImageError(found.errors[0])
    contents = [photo.content for photo in found.photos]
    return [content for content in contents if isinstance(content, Path)]


def _messages(
    method: Method,
    queries: list[Path | Extraction],
    settings: DeviceSettings,
    link: LinkChoice,
    options: RetrievalOptions,
) -> list[bytes]:
    packets = encode_for(settings.server_peer, queries, settings.cache, settings.wait_s, settings.threads)
    return (retrieve_requests if method is Method.RETRIEVE else transmit_requests)(packets, link, options)


def _show(target: Target, reports: list[LoadReport], *, as_text: bool) -> None:
    if as_text:
        show_rows(f"{target.method}: {target.peer}", [each.row() for each in reports], SHOWN)
        return
    described: dict[str, Any] = {
        "call": target.method,
        "address": target.peer.address,
        "messages": len(target.requests),
        "connections": target.connections,
        "reports": [asdict(each) for each in reports],
    }
    show(as_json(described).rstrip("\n"))
