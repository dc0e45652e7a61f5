"""Progress bars on stderr; one plain line per task where stderr is not a terminal."""

from collections.abc import Iterable, Iterator
from typing import TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

_Item = TypeVar("_Item")


def bar(items: Iterable[_Item], description: str, total: int) -> Iterator[_Item]:
    """The items, with a bar that shows the task, the number of finished items and the time left."""
    console = Console(stderr=True)
    if not console.is_terminal:
        console.print(f"{description}: {total}", highlight=False)
        yield from items
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console) as progress:
        yield from progress.track(items, total=total, description=description)
