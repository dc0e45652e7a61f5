"""`dsc-eval load`: how many requests per second a running service answers, and how fast."""

import asyncio
from collections.abc import Sequence
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
from dsc_eval.load.calling import EMPTY_REQUEST, Method, Target, measure, measure_open
from dsc_eval.load.closed_loop import Plan
from dsc_eval.load.open_loop import MAX_PER_S, OpenPlan
from dsc_eval.load.open_report import OpenReport, open_report
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
OPEN_SHOWN = (
    *("rate", "per_second", "p50_ms", "p90_ms", "p99_ms", "max_ms", "answered", "errors", "not_sent"),
    *("statuses", "late_p99_ms", "generator_busy"),
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
    per_second: Annotated[
        str | None,
        typer.Option(
            metavar="X,…",
            help="Rates of an open loop, in place of --clients: arrivals do not wait for answers.",
        ),
    ] = None,
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

    With --per-second, requests arrive at random at that mean rate instead, and latency counts from there.
    Packets are encoded before. Other settings of the device come from the environment, too (DSC_DEVICE_…).
    """
    with refused_as_setting():
        options = RetrievalOptions(top, receiver=receiver)
        link.over(LinkSettings())
        counts = _counts(clients)
        rates = [] if per_second is None else _rates(per_second)
        if rates and requests is not None:
            raise InvalidInputError("expected --seconds with --per-second, got --requests")
    if method is Method.EMPTY:
        if photos or features is not None:
            raise SettingError("expected no photos and no features with empty calls")
        messages = [EMPTY_REQUEST]
    else:
        packets = encode_with(settings, find_queries(photos or [], features))
        messages = REQUESTS[method](packets, link, options)
    target = Target(_peer(method, settings), method, messages, settings.wait_s, connections)
    reports: list[LoadReport] | list[OpenReport]
    if rates:
        reports = [_open(target, OpenPlan(rate, seconds, warm_up_s)) for rate in rates]
    else:
        reports = [_closed(target, Plan(count, seconds, warm_up_s, requests)) for count in counts]
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


def _rates(text: str) -> list[float]:
    try:
        rates = [float(part) for part in text.split(",")]
    except ValueError:
        rates = []
    if not rates or not all(0 < rate <= MAX_PER_S for rate in rates):
        raise InvalidInputError(
            f"--per-second: expected rates above 0 to {MAX_PER_S:g} with commas between, got {text!r}"
        )
    return list(dict.fromkeys(rates))


def _closed(target: Target, plan: Plan) -> LoadReport:
    say(f"{target.method}: {plan.clients} client{'s' * (plan.clients != 1)} at {target.peer}")
    return report(asyncio.run(measure(target, plan)), plan.clients)


def _open(target: Target, plan: OpenPlan) -> OpenReport:
    say(f"{target.method}: {plan.per_second:g} requests per second at {target.peer}")
    return open_report([measure_open(target, plan)], plan.per_second)


def _peer(method: Method, settings: DeviceSettings) -> Peer:
    return settings.channel_peer if method is Method.TRANSMIT else settings.server_peer


def _show(target: Target, reports: Sequence[LoadReport | OpenReport], *, as_text: bool) -> None:
    if as_text:
        columns = OPEN_SHOWN if isinstance(reports[0], OpenReport) else SHOWN
        show_rows(f"{target.method}: {target.peer}", [each.row() for each in reports], columns)
        return
    described: dict[str, Any] = {
        "call": target.method,
        "address": target.peer.address,
        "messages": len(target.requests),
        "connections": target.connections,
        "reports": [asdict(each) for each in reports],
    }
    show(as_json(described).rstrip("\n"))
