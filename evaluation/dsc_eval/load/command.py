"""`dsc-eval load`: how many requests per second a running service answers, and how fast."""

import asyncio
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from dsc_common.cli.link_options import with_link_options
from dsc_common.cli.paths import path_of
from dsc_common.cli.settings import refused_as_setting
from dsc_common.cli.streams import say, show
from dsc_common.errors import DscError, InvalidInputError, SettingError
from dsc_common.radio.link import LinkChoice, LinkSettings
from dsc_common.retrieval.options import DEFAULT_TOP, RetrievalOptions
from dsc_common.serving.address import Peer
from dsc_device.connection_options import with_connection_options
from dsc_device.settings import DeviceSettings
from dsc_eval.load.calling import EMPTY_REQUEST, Method, Target, measure
from dsc_eval.load.closed_loop import Plan
from dsc_eval.load.packets import encode_with
from dsc_eval.load.queries import find_queries
from dsc_eval.load.report import LoadReport, report
from dsc_eval.load.requests import REQUESTS
from dsc_eval.output import as_json
from dsc_eval.row_table import show_rows

MAX_CLIENTS = 10_000
MAX_SECONDS = 86_400.0
SHOWN = (
    *("clients", "per_second", "p50_ms", "p90_ms", "p99_ms", "max_ms", "answered", "errors", "statuses"),
    *("generator_cpu_ms", "generator_busy"),
)


@with_link_options
@with_connection_options
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
    *,
    settings: DeviceSettings,
    link: LinkChoice,
) -> None:
    """Put load on a running server or channel: clients that each send again when the answer has come.

    Packets are encoded before. Other settings of the device come from the environment, too (DSC_DEVICE_…).
    """
    with refused_as_setting():
        options = RetrievalOptions(top, receiver=receiver)
        link.over(LinkSettings())
        counts = _counts(clients)
    if method is Method.EMPTY:
        if photos or features is not None:
            raise SettingError("expected no photos and no features with empty calls")
        messages = [EMPTY_REQUEST]
    else:
        packets = encode_with(settings, find_queries(photos or [], features))
        messages = REQUESTS[method](packets, link, options)
    target = Target(_peer(method, settings), method, messages, settings.wait_s, connections)
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


def _peer(method: Method, settings: DeviceSettings) -> Peer:
    return settings.channel_peer if method is Method.TRANSMIT else settings.server_peer


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
