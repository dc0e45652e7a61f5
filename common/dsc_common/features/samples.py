"""Samples of any kind to 8 bits RGB: alpha over white, 16 bits, integers and floats by their range."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

_BITS_PER_SAMPLE = 258
_PHOTOMETRIC = 262
_MAX_SAMPLE = 281
_SAMPLE_FORMAT = 339
_WHITE_IS_ZERO = 0
_UNSIGNED = 1
_FULL_SCALES = (255.0, 65535.0)
_TOLERANCE = 0.05  # of the full scale: what resampling may overshoot
_ROWS = 64


@dataclass(frozen=True)
class Levels:
    """Samples that are shown as black and as white, in a picture of one channel with more than 8 bits."""

    black: float
    white: float
    unsigned: bool = False  # 32 bits that Pillow takes for signed ones


def levels_of(photo: Image.Image) -> Levels | None:
    """Levels of a photo that is loaded; None if its samples have 8 bits.

    Samples of 16 bits range to 65535, or to what a TIFF file states: 12 bits, or a greatest sample of 4095.
    Integers of 32 bits and floats: 0…1, or 0…255 or 0…65535 if they take more than half of that; otherwise
    the smallest sample is black, and the greatest white.

    Raises:
        ValueError: no sample is a finite number.
    """
    if photo.mode != "F" and not photo.mode.startswith("I"):
        return None
    if photo.mode.startswith("I;16") or (photo.mode == "I" and photo.format != "TIFF"):
        levels = Levels(0.0, _full_scale_of_16_bits(photo))
    else:
        unsigned = photo.mode == "I" and _tag(photo, _SAMPLE_FORMAT) in (None, _UNSIGNED)
        levels = _by_range(*_extremes(photo, unsigned), unsigned)
    if _tag(photo, _PHOTOMETRIC) == _WHITE_IS_ZERO:
        return Levels(levels.white, levels.black, levels.unsigned)
    return levels


def to_rgb(image: Image.Image, levels: Levels | None = None) -> Image.Image:
    """A photo, or a part of it, as RGB; itself if it is that."""
    if levels is not None:
        scale = (levels.white - levels.black) / 255.0
        samples = (_samples(image, levels.unsigned) - levels.black) / scale
        eight_bits = np.clip(np.nan_to_num(samples), 0, 255).round().astype(np.uint8)
        return Image.fromarray(eight_bits).convert("RGB")
    if image.has_transparency_data:
        colours = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", colours.size, "white"), colours).convert("RGB")
    return image if image.mode == "RGB" else image.convert("RGB")


def _samples(image: Image.Image, unsigned: bool) -> NDArray[np.float64]:
    samples = np.asarray(image)
    with np.errstate(invalid="ignore"):  # damaged floats are no numbers, of a kind that NumPy warns of
        return (samples.view(np.uint32) if unsigned else samples).astype(np.float64)


def _full_scale_of_16_bits(photo: Image.Image) -> float:
    """65535, unless a TIFF file states fewer bits, or a greatest sample of fewer bits."""
    bits, greatest = _tag(photo, _BITS_PER_SAMPLE), _tag(photo, _MAX_SAMPLE)
    if bits is not None and 8 < bits < 16:
        return float(2**bits - 1)
    if greatest is not None and greatest in {2**b - 1 for b in range(9, 16)}:
        return float(greatest)
    return 65535.0


def _tag(photo: Image.Image, number: int) -> int | None:
    """First value of a tag of a TIFF file; None if there is no such number."""
    try:
        value = photo.tag_v2.get(number)  # type: ignore[attr-defined]
    except Exception:  # no TIFF, or a tag that cannot be decoded
        return None
    if isinstance(value, tuple) and value:
        value = value[0]
    return value if isinstance(value, int) else None


def _extremes(photo: Image.Image, unsigned: bool) -> tuple[float, float]:
    """Smallest and greatest finite sample."""
    smallest, greatest = np.inf, -np.inf
    for strip in _strips(photo):
        samples = _samples(strip, unsigned)
        finite = samples[np.isfinite(samples)]
        if finite.size:
            smallest, greatest = min(smallest, finite.min()), max(greatest, finite.max())
    if smallest > greatest:
        raise ValueError("no sample is a finite number")
    return float(smallest), float(greatest)


def _strips(photo: Image.Image) -> Iterator[Image.Image]:
    for top in range(0, photo.height, _ROWS):
        yield photo.crop((0, top, photo.width, min(top + _ROWS, photo.height)))


def _by_range(smallest: float, greatest: float, unsigned: bool) -> Levels:
    if smallest >= -_TOLERANCE and greatest <= 1 + _TOLERANCE:
        return Levels(0.0, 1.0, unsigned)
    for full in _FULL_SCALES:
        if -_TOLERANCE * full <= smallest and full / 2 < greatest <= (1 + _TOLERANCE) * full:
            return Levels(0.0, full, unsigned)
    if smallest == greatest:
        return Levels(0.0, 2 * greatest, unsigned)  # one grey all over
    return Levels(smallest, greatest, unsigned)
