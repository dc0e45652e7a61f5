"""The type of a progress callback, and the one that shows nothing."""

from collections.abc import Callable, Iterable
from typing import TypeVar

_Item = TypeVar("_Item")
# Passes items through and may show progress: (items, what is done, how many).
Track = Callable[[Iterable[_Item], str, int], Iterable[_Item]]


def untracked(items: Iterable[_Item], _what: str, _total: int) -> Iterable[_Item]:
    """The items, without any progress shown."""
    return items
