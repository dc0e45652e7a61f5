"""What belongs to the partitions that were used last, up to a size in bytes."""

from collections import OrderedDict
from threading import Lock
from typing import Generic, Protocol, TypeVar


class _Sized(Protocol):
    @property
    def nbytes(self) -> int: ...


_Value = TypeVar("_Value", bound=_Sized)


class RecentlyUsed(Generic[_Value]):
    """Values by partition; calls from several threads are safe.

    Args:
        max_bytes: of all values together, above which those go that were used longest ago. The last one stays
            whatever its size.
    """

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._held: OrderedDict[int, _Value] = OrderedDict()  # used last: at the end
        self._nbytes = 0
        self._lock = Lock()

    def get(self, partition: int) -> _Value | None:
        """The value of a partition, which counts as used, or None."""
        with self._lock:
            value = self._held.get(partition)
            if value is not None:
                self._held.move_to_end(partition)
            return value

    def put(self, partition: int, value: _Value) -> None:
        """Keep the value of a partition, unless another thread has just done so."""
        with self._lock:
            if partition in self._held:
                return
            self._held[partition] = value
            self._nbytes += value.nbytes
            while self._nbytes > self._max_bytes and len(self._held) > 1:
                self._nbytes -= self._held.popitem(last=False)[1].nbytes

    def held(self) -> dict[int, _Value]:
        """All values, those used longest ago first."""
        with self._lock:
            return dict(self._held)
