"""Photos for benchmarks, made from a seed: the spectrum of photos, with edges, and files of usual sizes."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pydantic import AfterValidator

_MARGIN = 1.2  # side of the canvas that photos are cut from, over the longest side of a photo
_COARSEST = 512  # pixels; of the first octave of noise; each further one is half as coarse
_CONTRAST = 90.0
_FALLOFF = 0.6  # of the strength, from an octave to the next
_GRAIN = 3.0
_COLOUR = 0.35  # of what the channels have in common
_SHAPES = 40


@dataclass(frozen=True)
class Kind:
    """A kind of photo files.

    Attributes:
        name: of the kind.
        width, height: of a landscape photo, in pixels; every fourth photo is a portrait.
        suffix: of the files.
        quality: of a JPEG; None for a PNG.
    """

    name: str
    width: int
    height: int
    suffix: str
    quality: int | None = None


KINDS = {
    kind.name: kind
    for kind in (
        Kind("jpeg-480px", 480, 360, ".jpg", 85),
        Kind("jpeg-1mp", 1152, 864, ".jpg", 90),
        Kind("jpeg-12mp", 4000, 3000, ".jpg", 90),
        Kind("jpeg-12mp-fine", 4000, 3000, ".jpg", 97),
        Kind("png-2mp", 1600, 1200, ".png"),
    )
}


def _known(kinds: list[str]) -> list[str]:
    for kind in kinds:
        if kind not in KINDS:
            raise ValueError(f"expected kinds among {', '.join(KINDS)}, got {kind}")
    return list(dict.fromkeys(kinds))


KindNames = Annotated[list[str], AfterValidator(_known)]


def write_photos(kind: Kind, count: int, seed: int, folder: Path) -> list[Path]:
    """`count` files of a kind; the same arguments give the same pixels."""
    folder.mkdir(parents=True)
    paths = []
    for number, pixels in enumerate(_windows(kind, count, np.random.default_rng(seed))):
        path = folder / f"{number:04d}{kind.suffix}"
        image = Image.fromarray(pixels)
        if kind.quality is None:
            image.save(path)
        else:
            image.save(path, quality=kind.quality)
        paths.append(path)
    return paths


def _windows(kind: Kind, count: int, rng: np.random.Generator) -> Iterator[NDArray[np.uint8]]:
    """(height, width, 3) uint8, parts of one canvas."""
    side = round(_MARGIN * max(kind.width, kind.height))
    canvas = _canvas(side, rng)
    for number in range(count):
        width, height = (kind.height, kind.width) if number % 4 == 3 else (kind.width, kind.height)
        left, top = (int(rng.integers(side - length + 1)) for length in (width, height))
        yield canvas[top : top + height, left : left + width]


def _canvas(side: int, rng: np.random.Generator) -> NDArray[np.uint8]:
    """(side, side, 3) uint8: noise of all scales, shapes with edges, and grain."""
    common = _octaves(side, rng)
    _add_shapes(common, rng)
    canvas = np.empty((side, side, 3), dtype=np.uint8)
    for channel in range(3):
        level = common + _COLOUR * _octaves(side, rng)
        level += _GRAIN * rng.standard_normal((side, side), dtype=np.float32)
        canvas[..., channel] = np.clip(128.0 + level, 0, 255)
    return canvas


def _octaves(side: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """(side, side) float32: noise whose strength falls with its scale."""
    level = np.zeros((side, side), dtype=np.float32)
    cell, strength = min(_COARSEST, side), _CONTRAST
    while cell >= 2:
        coarse = rng.uniform(-strength, strength, (side // cell + 2, side // cell + 2)).astype(np.float32)
        level += np.asarray(Image.fromarray(coarse).resize((side, side), Image.Resampling.BICUBIC))
        cell, strength = cell // 2, _FALLOFF * strength
    return level


def _add_shapes(level: NDArray[np.float32], rng: np.random.Generator) -> None:
    side = len(level)
    for _ in range(_SHAPES):
        top, left = rng.integers(side, size=2)
        height, width = rng.integers(1, max(2, side // 4), size=2)
        level[top : top + height, left : left + width] += rng.uniform(-_CONTRAST, _CONTRAST)
