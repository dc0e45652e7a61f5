"""Photos of a query through the queue: what has no link stays there."""

import time
from collections.abc import Sequence
from pathlib import Path

from dsc_common.cli.streams import say
from dsc_common.errors import InvalidImageError, InvalidInputError, SettingError
from dsc_common.features.feature_cache import content_of
from dsc_common.radio.link import LinkChoice
from dsc_common.retrieval.options import RetrievalOptions
from dsc_device.encoder_kit import EncoderKit
from dsc_device.output import answer_to_text, queued_answer_to_json
from dsc_device.photos import Query
from dsc_device.querying import Answer, request_id_of
from dsc_device.sending.running import Running, running
from dsc_device.sending.sender import error_text, may_pass
from dsc_device.settings import DeviceSettings
from dsc_device.store.entry import Entry


def query_through_queue(
    photos: Sequence[Query],
    settings: DeviceSettings,
    link: LinkChoice,
    options: RetrievalOptions,
    request_id: str | None,
    *,
    as_json: bool,
) -> int:
    """Queue the photos, and send what waits while there is a link.

    Args:
        photos: photos, or rows of a feature file.
        settings: where queue, results, server and channel are.
        link: link settings.
        options: retrieval options.
        request_id: of each query; None: from each photo's content.
        as_json: whether answers are JSON; those in a file of results always are.

    Returns:
        The number of photos that cannot be read, and of queries that were refused.
    """
    to_text = queued_answer_to_json if as_json or settings.results else _text
    with running(settings, to_text=to_text) as device:
        if not device.uplink.load_kit():
            device.uplink.connect()
        failed = 0
        for photo in photos:
            try:
                device.store.add(_entry(photo, device.uplink.kit, request_id, link, options))
            except InvalidInputError as error:
                say(f"error: {photo.line_of(error)}")
                failed += 1
        return failed + _send(device)


def _send(device: Running) -> int:
    try:
        return device.sender.send_all()
    except Exception as error:
        waiting = device.store.num_waiting()
        if not waiting or not may_pass(error) or isinstance(error, SettingError):
            raise
        waits = f"in the queue for `dsc-device sync`: {waiting:,}"
        if isinstance(error, OSError):  # not the link: results or cache cannot be written
            say(f"note: {waits}")
            raise
        say(f"note: {error_text(error)}; {waits}")
        return 0


def _entry(
    photo: Query, kit: EncoderKit | None, request_id: str | None, link: LinkChoice, options: RetrievalOptions
) -> Entry:
    if kit is None:
        raise RuntimeError("no kit is loaded")
    content = photo.content
    model = "" if kit.extractor is None else kit.extractor.info.sha256
    extraction = kit.extract(content)
    chosen = request_id or request_id_of(content)
    shown = (extraction, time.time_ns(), link, options)
    if not isinstance(content, Path):
        return Entry(chosen, photo.name, None, b"", "", *shown)
    try:
        digest = content_of(content)
    except OSError as error:
        raise InvalidImageError(f"cannot read {content}: {error.strerror}") from error
    path = None if content.is_relative_to("/proc") else content.absolute()
    return Entry(request_id or "", photo.name, path, digest, model, *shown)


def _text(answer: Answer, _entry: Entry) -> str:
    return answer_to_text(answer)
