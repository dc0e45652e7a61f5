"""Photos sent one after another: a photo that fails gets a line, and the others are still sent."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace

from dsc_common.cli.streams import say
from dsc_common.errors import DeadlineError, DscError, InvalidImageError, UnreachableError
from dsc_device.photos import Query
from dsc_device.querying import Answer, Querier

MAX_UNREACHABLE = 3  # each has waited for the whole time limit


def ask_all(
    photos: Sequence[Query],
    open_querier: Callable[[], AbstractContextManager[Querier]],
    request_id: str | None,
    show_answer: Callable[[Answer], None],
) -> int:
    """Send each photo and show its answer; the number of photos without an answer.

    Nothing is connected before a photo is readable. After MAX_UNREACHABLE photos in a row that reached no
    service within the time limit, the others are not sent.
    """
    first = next((place for place, photo in enumerate(photos) if _is_readable(photo)), len(photos))
    if first == len(photos):
        return first
    failed, unreachable = first, 0
    with open_querier() as querier:
        for place in range(first, len(photos)):
            photo = photos[place]
            try:
                answer = querier.query(photo.content, request_id)
            except DscError as error:
                say(f"error: {_line(photo, error, len(photos))}")
                failed += 1
                unreachable = unreachable + 1 if _is_away(error) else 0
            else:
                unreachable = 0
                show_answer(replace(answer, query=photo.name))
            if unreachable == MAX_UNREACHABLE:
                return failed + len(photos) - place - 1
    return failed


def _is_readable(photo: Query) -> bool:
    try:
        photo.check()
    except InvalidImageError as error:
        say(f"error: {photo.line_of(error)}")
        return False
    return True


def _line(photo: Query, error: DscError, count: int) -> str:
    line = photo.line_of(error)
    return line if count == 1 or isinstance(error, InvalidImageError) else f"{photo.name}: {line}"


def _is_away(error: DscError) -> bool:
    return isinstance(error, UnreachableError) and not isinstance(error, DeadlineError)
