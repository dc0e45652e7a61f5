"""Progress bars on stderr; a plain line now and then where stderr is not a terminal."""

import time
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from dsc_common.cli.streams import say

FIRST_LINE_S = 30.0
NEXT_LINE_S = 60.0

_Item = TypeVar("_Item")


def bar(items: Iterable[_Item], description: str, total: int) -> Iterator[_Item]:
    """The items, with a bar that shows the task, the number of finished items and the time left."""
    console = Console(stderr=True, soft_wrap=True)  # long lines of `say` stay whole
    if not console.is_terminal:
        yield from lines(items, description, total)
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console) as progress:
        yield from progress.track(items, total=total, description=description)


def lines(
    items: Iterable[_Item], description: str, total: int, clock: Callable[[], float] = time.monotonic
) -> Iterator[_Item]:
    """The items, with a line at the start, after 30 s and then every minute: for logs.

    Args:
        items: the items.
        description: the task.
        total: number of items.
        clock: seconds.
    """
    say(f"{description}: {total:,}")
    start = clock()
    due = start + FIRST_LINE_S
    for number, item in enumerate(items):
        now = clock()
        if now >= due:
            say(f"{description}: {_state(number, total, now - start)}")
            due = now + NEXT_LINE_S
        yield item


def _state(done: int, total: int, seconds: float) -> str:
    state = f"{done:,} of {total:,}"
    if done == 0:
        return state
    rate = done / seconds
    return f"{state}, {rate:,.1f} per second, {_duration((total - done) / rate)} left"


def _duration(seconds: float) -> str:
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02} min" if hours else f"{minutes} min {seconds:02} s"
