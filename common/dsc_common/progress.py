"""The type of a progress callback, and a callback that shows nothing."""

from collections.abc import Callable, Iterable
from typing import TypeVar

_Item = TypeVar("_Item")
# Passes items through and may show progress: (items, description, number of items).
Track = Callable[[Iterable[_Item], str, int], Iterable[_Item]]


def untracked(items: Iterable[_Item], _what: str, _total: int) -> Iterable[_Item]:
    """The items, without progress."""
    return items
