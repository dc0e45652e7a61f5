"""A photo turned upright and scaled, in strips: nothing of the size of the photo is made but its pixels."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass

from PIL import Image

from dsc_common.features.directory import first_directory

Size = tuple[int, int]
Corners = tuple[int, int, int, int]  # left, top, right, bottom, in pixels

ORIENTATION_TAG = 0x0112
_EXIF = b"Exif\0\0"
_STRIP_PIXELS = 1 << 18
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def orientation_of(photo: Image.Image) -> int:
    """EXIF orientation, 1 to 8, of a photo that is loaded; 1 where it has none, or none that is valid."""
    exif = photo.info.get("exif")
    directory = first_directory(exif.removeprefix(_EXIF)) if isinstance(exif, bytes) else {}
    value = directory.get(ORIENTATION_TAG)
    if value is None:
        with suppress(Exception):  # metadata may hold anything at all
            value = photo.getexif().get(ORIENTATION_TAG)
    return value if isinstance(value, int) and value in _TURNS else 1


@dataclass(frozen=True)
class Upright:
    """A photo as it is to be seen.

    Attributes:
        stored: its pixels, as they are in the file.
        orientation: where the first row and column of `stored` are, as EXIF counts it.
        to_rgb: converts a part of `stored` to RGB.
    """

    stored: Image.Image
    orientation: int
    to_rgb: Callable[[Image.Image], Image.Image]

    @property
    def size(self) -> Size:
        """Width and height, upright."""
        width, height = self.stored.size
        return (height, width) if self.orientation >= 5 else (width, height)

    def scaled(self, part: Corners, size: Size, resampling: Image.Resampling) -> Image.Image:
        """A part of the photo, scaled: `to_rgb(…).crop(part)`, first along its rows, then along its columns.

        So rows can be scaled as they come. The order is part of the result: Pillow alone chooses it by size.
        """
        left, top, right, bottom = part
        if self._is_plain and part == (0, 0, *self.size):  # its rows need no copy
            return self.stored.resize((size[0], bottom), resampling).resize(size, resampling)
        rows = Image.new("RGB", (size[0], bottom - top))
        for first, last in _strips(top, bottom, right - left):
            strip = self._part((left, first, right, last))
            rows.paste(strip.resize((size[0], last - first), resampling), (0, first - top))
        return rows.resize(size, resampling)

    @property
    def _is_plain(self) -> bool:
        """Whether `stored` is upright, and what `to_rgb` makes of it."""
        return self.orientation == 1 and self.stored.mode == "RGB" and not self.stored.has_transparency_data

    def _part(self, part: Corners) -> Image.Image:
        stored = self.stored.crop(_as_stored(part, self.stored.size, self.orientation))
        turn = _TURNS.get(self.orientation)
        return self.to_rgb(stored if turn is None else stored.transpose(turn))


def _strips(top: int, bottom: int, width: int) -> Iterator[tuple[int, int]]:
    rows = max(1, _STRIP_PIXELS // width)
    for first in range(top, bottom, rows):
        yield first, min(first + rows, bottom)


def _as_stored(part: Corners, stored: Size, orientation: int) -> Corners:
    """Where a part of the upright photo is in the stored one."""
    left, top, right, bottom = part
    width, height = stored
    if orientation >= 5:  # rows are stored as columns
        left, top, right, bottom = top, left, bottom, right
    if orientation in {2, 3, 7, 8}:
        left, right = width - right, width - left
    if orientation in {3, 4, 6, 7}:
        top, bottom = height - bottom, height - top
    return left, top, right, bottom
