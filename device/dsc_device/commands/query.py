"""`dsc-device query`: sends photos through a channel and prints the ranked images."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dsc_common.cli.link_options import with_link_options
from dsc_common.cli.settings import refused_as_setting
from dsc_common.cli.streams import say, show
from dsc_common.errors import SettingError
from dsc_common.observing.log_lines import lines_of
from dsc_common.observing.options import LogFormatOption, LogLevelOption
from dsc_common.radio.link import LinkChoice, LinkSettings
from dsc_common.retrieval.options import RetrievalOptions
from dsc_device.commands.log_options import with_log
from dsc_device.retrieval_options import with_retrieval_options
from dsc_device.settings import DeviceSettings
from dsc_device.store_options import with_store_options

if TYPE_CHECKING:
    from dsc_device.photos import Findings
    from dsc_device.querying import Answer


@with_link_options
@with_store_options
@with_retrieval_options
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
    request_id: Annotated[
        str | None,
        typer.Option(help="Key of the noise, with the seed. (default: a hash of the photo)"),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one line of JSON per photo.")] = False,
    queue: Annotated[
        bool,
        typer.Option("--queue", help="Put what has no link in the queue; `dsc-device sync` sends it."),
    ] = False,
    log_format: LogFormatOption = None,
    log_level: LogLevelOption = None,
    *,
    settings: DeviceSettings,
    link: LinkChoice,
    options: RetrievalOptions,
) -> None:
    """Send each photo as a packet of 47 bytes through the channel and print the ranked images.

    A photo that fails is reported and the others are still sent; the exit code is then 1.
    """
    from dsc_device.batch import ask_all  # noqa: PLC0415 (loads ONNX Runtime)
    from dsc_device.querying import require_request_id  # noqa: PLC0415
    from dsc_device.sending.queueing import query_through_queue  # noqa: PLC0415
    from dsc_device.session import open_querier  # noqa: PLC0415

    with refused_as_setting():  # before anything is downloaded
        link.over(LinkSettings())
        require_request_id(request_id or "")
    with lines_of("device", settings := with_log(settings, log_format, log_level)):
        found = _find(photos or [], photos_from, features, null=null)
        if queue:
            failed = query_through_queue(found.photos, settings, link, options, request_id, as_json=as_json)
        else:
            show_answer = partial(_show, as_json=as_json)
            failed = ask_all(
                found.photos, lambda: open_querier(settings, link, options), request_id, show_answer
            )
        failed += len(found.errors)
        total = len(found.photos) + len(found.errors)
        if failed and total > 1:
            say(f"error: {failed} of {total} photos have no answer")
    if failed:
        raise typer.Exit(1)


def _find(photos: list[str], photos_from: str | None, features: Path | None, *, null: bool) -> "Findings":
    """The photos or rows to send; what is missing or passed over gets a line."""
    from dsc_device.photo_list import STDIN, read_photo_list  # noqa: PLC0415
    from dsc_device.photos import Findings, find_photos  # noqa: PLC0415
    from dsc_device.rows import find_rows  # noqa: PLC0415

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


def _show(answer: "Answer", *, as_json: bool) -> None:
    from dsc_device.output import answer_to_json, answer_to_text  # noqa: PLC0415

    show(answer_to_json(answer) if as_json else answer_to_text(answer))
