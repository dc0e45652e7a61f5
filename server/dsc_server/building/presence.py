"""Whether the places of the photos are still there: a disk that goes away is no deletion of its photos."""

import errno
import os
from collections.abc import Sequence
from pathlib import Path

from dsc_common.errors import InvalidInputError

# Of a file on a disk or server that is gone, and of a file that is gone.
_GONE = (
    errno.ENOENT,
    errno.ENOTDIR,
    errno.EIO,
    errno.ENXIO,
    errno.ENODEV,
    errno.ESTALE,
    errno.ENOTCONN,
    errno.EHOSTDOWN,
    errno.EHOSTUNREACH,
    errno.ETIMEDOUT,
)


class Presence:
    """The places as they are at the start of a build, to compare with later."""

    def __init__(self, places: Sequence[Path]) -> None:
        self._stamps = {place: _stamp(place) for place in places if place.is_dir()}
        self._num_gone = 0

    def is_gone(self, photo: Path) -> bool:
        """Whether a photo that was found can no longer be reached.

        Raises:
            InvalidInputError: neither can its place, or another file system is there now.
        """
        try:
            with photo.open("rb") as file:
                file.read(1)
        except OSError as error:
            if error.errno not in _GONE:
                return False
        else:
            return False
        for place, stamp in self._stamps.items():
            if _stamp(place) != stamp:
                raise InvalidInputError(f"the photos went away during the build, which has stopped: {place}")
        self._num_gone += 1
        return True

    def require_most(self, num_photos: int) -> None:
        """Raise InvalidInputError if most photos are gone."""
        if 2 * self._num_gone > num_photos:
            raise InvalidInputError(
                f"{self._num_gone:,} of {num_photos:,} photos vanished during the build, which has stopped"
            )


def _stamp(place: Path) -> tuple[int, int] | None:
    try:
        status = os.stat(place)  # noqa: PTH116 (a file may stand for it)
    except OSError:
        return None
    return status.st_dev, status.st_ino
