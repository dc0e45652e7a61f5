"""The command `dsc-device`: query a server with photos, through a channel."""

from functools import partial
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from dsc_common.cli.app import run_app
from dsc_common.cli.link_options import with_link_options
from dsc_common.cli.settings import refused_as_setting
from dsc_common.cli.streams import say, show
from dsc_common.errors import SettingError
from dsc_common.observing.log_lines import lines_of
from dsc_common.observing.options import LogFormatOption, LogLevelOption
from dsc_common.radio.link import LinkChoice, LinkSettings
from dsc_common.retrieval.options import DEFAULT_TOP, Policy, Ranking, RetrievalOptions
from dsc_device.batch import ask_all
from dsc_device.connection_options import with_connection_options
from dsc_device.output import answer_to_json, answer_to_text
from dsc_device.photo_list import STDIN, read_photo_list
from dsc_device.photos import Findings, find_photos
from dsc_device.querying import Answer, require_request_id
from dsc_device.rows import find_rows
from dsc_device.session import open_querier
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
@with_connection_options
def query(
    photos: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="PHOTO…",
            help="Photos, folders of photos, or - for a photo on standard input.",
            show_default=False,
        ),
    ] = None,
    features: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Send rows of a feature file in place of photos: those named, or all of its queries.",
        ),
    ] = None,
    photos_from: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="A list of photos and folders, one a line; - for standard input."),
    ] = None,
    null: Annotated[
        bool, typer.Option("--null", "-0", help="Paths of the list are ended by NUL, as find -print0 does.")
    ] = False,
    model: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Network that the server offers, such as int8. "
            "(env: DSC_DEVICE_MODEL, default: that of the index)",
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
    log_format: LogFormatOption = None,
    log_level: LogLevelOption = None,
    *,
    settings: DeviceSettings,
    link: LinkChoice,
) -> None:
    """Send each photo as a packet of 47 bytes through the channel and print the ranked images.

    A photo that fails is reported and the others are still sent; the exit code is then 1.
    """
    with refused_as_setting():  # before anything is downloaded
        options = RetrievalOptions(top, ranking, receiver, policy, confidence_threshold)
        link.over(LinkSettings())
        require_request_id(request_id or "")
    given = {"model": model, "log_format": log_format, "log_level": log_level}
    settings = settings.model_copy(update={name: value for name, value in given.items() if value is not None})
    with lines_of("device", settings):
        found = _find(photos or [], photos_from, features, null=null)
        show_answer = partial(_show, as_json=as_json)
        failed = len(found.errors) + ask_all(
            found.photos, lambda: open_querier(settings, link, options), request_id, show_answer
        )
        total = len(found.photos) + len(found.errors)
        if failed and total > 1:
            say(f"error: {failed} of {total} photos have no answer")
    if failed:
        raise typer.Exit(1)


def _find(photos: list[str], photos_from: str | None, features: Path | None, *, null: bool) -> Findings:
    """The photos or rows to send; what is missing or passed over gets a line."""
    if features is not None:
        if photos_from is not None:
            raise SettingError("expected --features FILE or --photos-from FILE, got both")
        return Findings([*find_rows(features, photos)])
    if not photos and photos_from is None:
        raise SettingError("expected a PHOTO or --photos-from FILE, got neither")
    if STDIN in photos and photos_from == STDIN:
        raise SettingError("expected a photo or a list on standard input, got - for both")
    listed = [] if photos_from is None else read_photo_list(photos_from, null=null)
    with refused_as_setting():
        found = find_photos(photos, listed)
    if not found.photos and not found.errors:
        found.errors.append(f"no photo in the list {photos_from}")
    for line in found.errors:
        say(f"error: {line}")
    if found.passed_over:
        counts = ", ".join(f"{what} ({count})" for what, count in found.passed_over.items())
        say(f"note: passed over: {counts}")
    return found


def _show(answer: Answer, *, as_json: bool) -> None:
    show(answer_to_json(answer) if as_json else answer_to_text(answer))


def main() -> NoReturn:
    """Entry point of `dsc-device`."""
    run_app(app)
