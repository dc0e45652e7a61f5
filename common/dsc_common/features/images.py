"""Photos to upright RGB: any kind that is read, any EXIF orientation, any samples; in bounded memory."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from dsc_common.errors import InvalidImageError
from dsc_common.features import opening
from dsc_common.features.jpeg import JpegReader, check_scans
from dsc_common.features.jpeg_tail import check_tail
from dsc_common.features.opening import check_pixels, opened, refusing
from dsc_common.features.samples import levels_of, to_rgb
from dsc_common.features.upright import Corners, Upright, orientation_of
from dsc_common.spans import span

# Part of the key of cached features. Increment it with every change here, in what it calls or in `Extractor`
# that alters the numbers for a photo and model; a test pins the pixels of some pictures.
READING_VERSION = 3

# Suffixes of files that look like photos; what they are, their content says (`kinds`).
SUFFIXES = frozenset(
    {
        *(".jpg", ".jpeg", ".jpe", ".jfif", ".jfi", ".mpo", ".png", ".apng", ".webp", ".gif", ".bmp", ".dib"),
        *(".tif", ".tiff", ".ppm", ".pgm", ".pbm", ".pnm", ".pfm", ".avif", ".jp2", ".j2k", ".jpx"),
        *(".heic", ".heif", ".hif"),
    }
)
MIN_SIDE = 32  # the backbones halve the image five times
# A JPEG is decoded at a reduced scale that is still so many times as fine as the result. With 1.9, and 512
# pixels of result, that is a quarter for 12 megapixels (4000 pixels a side), which halves the time.
SPARE = 1.9
# Steps of `load_pixels`: reading the file and its pixels; scaling them, turning them upright, and to floats.
DECODE, RESIZE = "decode", "resize"

Box = tuple[float, float, float, float]


def check_photo(path: Path) -> None:
    """Raise InvalidImageError unless the file has the header of a photo of a safe size."""
    with opened(path):
        pass


def upright_size(path: Path) -> tuple[int, int]:
    """Width and height of a photo, upright, in pixels.

    Raises:
        InvalidImageError: the file has no header of a photo.
    """
    with opened(path) as photo:
        return Upright(photo, orientation_of(photo), to_rgb).size


@span(DECODE)
def load_pixels(path: Path, longest_side: int, box: Box | None = None) -> NDArray[np.float32]:
    """Photo → (1, 3, H, W) float32 RGB in [0, 1], its longest side scaled to `longest_side` pixels.

    A box is scaled by the factor of its whole photo, as in cirtorch, so that objects keep the size that they
    have in the database; a box is never enlarged.

    Args:
        path: the photo.
        longest_side: of the whole photo, pixels; both sides are at least MIN_SIDE pixels.
        box: (x0, y0, x1, y1) in pixels of the upright photo; None: the whole photo.

    Raises:
        InvalidImageError: the file is not a photo, is damaged or too large, or the box is not inside it.
    """
    with _decoded(path, longest_side if box is None else None) as photo:
        factor = longest_side / max(photo.size)
        part = (0, 0, *photo.size) if box is None else _part(photo, box, path)
        if box is not None:
            factor = min(1.0, factor)
        width, height = (
            max(MIN_SIDE, round(side * factor)) for side in (part[2] - part[0], part[3] - part[1])
        )
        with span(RESIZE):
            return _to_array(photo.scaled(part, (width, height), Image.Resampling.BILINEAR))


def load_photo(path: Path, longest_side: int) -> Image.Image:
    """Photo → upright RGB image, scaled down where its longest side is above `longest_side` pixels.

    Raises:
        InvalidImageError: the file is not a photo, is damaged or too large.
    """
    with _decoded(path, longest_side) as photo:
        factor = min(1.0, longest_side / max(photo.size))
        width, height = (max(1, round(side * factor)) for side in photo.size)
        return photo.scaled((0, 0, *photo.size), (width, height), Image.Resampling.LANCZOS)


@contextmanager
def _decoded(path: Path, longest_side: int | None) -> Iterator[Upright]:
    """The decoded photo: a large JPEG at a reduced scale, still SPARE times as fine as what is asked for."""
    with opened(path) as photo, refusing(path):
        if isinstance(photo, JpegReader):
            _load_jpeg(photo, longest_side)
        else:
            photo.load()
        levels = levels_of(photo)
        yield Upright(photo, orientation_of(photo), lambda part: to_rgb(part, levels))


def _load_jpeg(photo: JpegReader, longest_side: int | None) -> None:
    if longest_side is not None:
        longest, shortest = (math.ceil(SPARE * side) for side in (longest_side, MIN_SIDE))
        photo.reduce_to(longest, shortest, opening.MAX_PIXELS)
    check_pixels(photo)
    if photo.one_scan:
        photo.load()
        check_tail(photo)
    else:
        check_scans(photo)
        photo.load()


def _part(photo: Upright, box: Box, path: Path) -> Corners:
    (x0, y0, x1, y1), (width, height) = box, photo.size
    if not (0 <= x0 < x1 <= width and 0 <= y0 < y1 <= height):
        raise InvalidImageError(f"expected a box inside {width} x {height} pixels, got {list(box)}: {path}")
    left, top = min(round(x0), width - 1), min(round(y0), height - 1)  # rounded as Pillow does
    return left, top, max(left + 1, round(x1)), max(top + 1, round(y1))


def _to_array(image: Image.Image) -> NDArray[np.float32]:
    pixels = np.empty((1, 3, image.height, image.width), dtype=np.float32)
    for channel, samples in zip(pixels[0], image.split(), strict=True):
        np.divide(np.asarray(samples), np.float32(255), out=channel)
    return pixels
