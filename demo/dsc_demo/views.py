"""New views of a photo: mild ones for the database, and the paper's difficulties for queries.

Images are RGB `PIL.Image.Image`; W and H are a photo's width and height in pixels. A quad is (4, 2) float64,
in pixels: the points for the top left, top right, bottom right and bottom left corner of a view.
"""

from collections.abc import Callable
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from dsc_common.features.perspective import homography

Difficulty = Literal["perspective", "light", "occlusion"]
DIFFICULTIES: tuple[Difficulty, ...] = ("perspective", "light", "occlusion")

_SIGNS = np.array([[-1.0, -1.0], [1.0, -1.0], [1.0, 1.0], [-1.0, 1.0]])


def _corners(size: tuple[int, int]) -> NDArray[np.float64]:
    """Return the quad of a whole photo of `size` (W, H)."""
    return (_SIGNS + 1.0) / 2.0 * np.asarray(size, dtype=np.float64)


def warp(image: Image.Image, quad: NDArray[np.float64]) -> Image.Image:
    """Return the part of the photo inside a quad (4, 2), stretched to the size of the photo."""
    coefficients = homography(_corners(image.size), quad)
    return image.transform(
        image.size, Image.Transform.PERSPECTIVE, coefficients.tolist(), Image.Resampling.BICUBIC
    )


def closer(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Return a step towards the scene: a crop of 76 to 86 % of each side, somewhere in the photo."""
    size = np.asarray(image.size, dtype=np.float64)
    fraction = rng.uniform(0.76, 0.86)
    start = rng.uniform(0.0, 1.0 - fraction, size=2) * size
    return warp(image, start + _corners(image.size) * fraction)


def turned(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Return the photo with the camera rolled by 3 to 7 degrees either way, without empty corners."""
    width, height = image.size
    angle = np.radians(rng.uniform(3.0, 7.0)) * rng.choice([-1.0, 1.0])
    sin, cos = np.sin(angle), np.cos(angle)
    scale = 1.0 / (cos + abs(sin) * max(width / height, height / width))
    roll = np.array([[cos, sin], [-sin, cos]])
    half = np.asarray(image.size, dtype=np.float64) / 2.0
    return warp(image, half + (_SIGNS * half * scale) @ roll)


def dimmer(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Return the photo a little darker, with a slight warm or cool cast."""
    warmth = rng.uniform(-0.08, 0.08)
    return _relit(image, rng.uniform(1.15, 1.3), np.array([1.0 + warmth, 1.0, 1.0 - warmth]))


def perspective(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Return the scene from an oblique viewpoint: one side recedes, and the frame moves in."""
    inset = rng.uniform(0.02, 0.08, size=(4, 2))
    side = int(rng.integers(4))
    ends = [side, (side + 1) % 4]
    along = side % 2  # the two ends of a receding top or bottom side move in along x, of the others along y
    inset[ends, along] += rng.uniform(0.14, 0.2)
    return warp(image, _corners(image.size) - _SIGNS * inset * np.asarray(image.size))


def light(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Return the scene under other light: dusk or glare, a colour cast, and a shadow from one side."""
    gamma = rng.uniform(1.7, 2.3) if rng.random() < 0.5 else rng.uniform(0.45, 0.6)
    shade = np.linspace(rng.uniform(0.5, 0.7), 1.0, image.width)
    if rng.random() < 0.5:
        shade = shade[::-1]
    gain = rng.uniform(0.75, 1.1, size=3)
    return _relit(image, gamma, gain * shade[None, :, None])


def _relit(image: Image.Image, gamma: float, gain: NDArray[np.float64]) -> Image.Image:
    """Return gain · x^gamma for x in [0, 1]; `gain` is any shape that broadcasts to (H, W, 3)."""
    x = np.asarray(image, dtype=np.float64) / 255.0
    lit = np.clip(gain * x**gamma, 0.0, 1.0)
    return Image.fromarray(np.rint(lit * 255.0).astype(np.uint8))


def occlusion(image: Image.Image, cover: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Return the scene with something in front of it: a piece of another photo over a sixth to a fifth."""
    size = np.asarray(image.size)
    piece = np.rint(size * rng.uniform(0.41, 0.45, size=2)).astype(int)
    left, top = (int(v) for v in np.rint((size - piece) * rng.uniform(0.0, 1.0, size=2)))
    view = image.copy()
    view.paste(closer(cover, rng).resize((int(piece[0]), int(piece[1]))), (left, top))
    return view


MILD_VIEWS: tuple[Callable[[Image.Image, np.random.Generator], Image.Image], ...] = (closer, turned, dimmer)


def difficult_view(
    image: Image.Image, difficulty: Difficulty, cover: Image.Image, rng: np.random.Generator
) -> Image.Image:
    """Return a held-out view under one of the paper's difficulties; `cover` is a photo of something else."""
    if difficulty == "perspective":
        return perspective(image, rng)
    if difficulty == "light":
        return light(image, rng)
    return occlusion(image, cover, rng)
