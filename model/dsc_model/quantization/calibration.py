"""Photos for calibration: of a folder, or of an index; a seeded choice of those that can be read."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dsc_common.errors import InvalidImageError, InvalidInputError
from dsc_common.features.images import load_pixels
from dsc_common.features.kinds import kind_of_file
from dsc_common.files.walk import walk


def photos_in(place: Path) -> list[Path]:
    """The photos at a place (a folder with all below it, or a photo), sorted by their paths below it.

    Raises:
        InvalidInputError: there is nothing at the place, or no photo.
    """
    if not place.exists():
        raise InvalidInputError(f"no such file or folder: {place}")
    found = sorted(walk([place], (), lambda *_: None), key=lambda file: file.below.split("/"))
    photos = [file.path for file in found if _is_photo(file.path)]
    if not photos:
        raise InvalidInputError(f"no photo in {place}")
    return photos


def _is_photo(path: Path) -> bool:
    try:
        kind = kind_of_file(path)
    except OSError:
        return False
    return kind is not None and kind.readable


class ChosenPhotos:
    """Pixels of `count` photos in a random order; what cannot be read gives way to the next one.

    Args:
        photos: to choose from, in an order that does not depend on chance.
        longest_side: of the network, pixels.
        count: number of photos.
        seed: of the choice.
        say: receives a line for each photo that cannot be read.

    Attributes:
        read: number of photos that were read so far.
    """

    def __init__(
        self, photos: Sequence[Path], longest_side: int, count: int, seed: int, say: Callable[[str], None]
    ) -> None:
        order = np.random.default_rng(seed).permutation(len(photos))
        self._photos = [photos[number] for number in order.tolist()]
        self._longest_side, self._count, self._say = longest_side, count, say
        self.read = 0

    def __len__(self) -> int:
        return min(self._count, len(self._photos))

    def __iter__(self) -> Iterator[NDArray[np.float32]]:
        self.read = 0
        for path in self._photos:
            try:
                pixels = load_pixels(path, self._longest_side)
            except InvalidImageError as error:
                self._say(f"left out: {error}")
                continue
            self.read += 1
            yield pixels
            if self.read == self._count:
                return
        if self.read == 0:
            raise InvalidInputError(f"none of {len(self._photos)} photos for calibration can be read")
