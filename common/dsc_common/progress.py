"""The type of a progress callback, and a callback that shows nothing."""

from collections.abc import Callable, Iterable
from typing import TypeVar

_Item = TypeVar("_Item")
# Yields the items and may show progress: (items, description, number of items).
Track = Callable[[Iterable[_Item], str, int], Iterable[_Item]]


def untracked(items: Iterable[_Item], _description: str, _total: int) -> Iterable[_Item]:
    """The items; no progress is shown."""
    return items
