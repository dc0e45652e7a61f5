"""A photo as a printed cover, photographed again with a phone: a third kind of query.

The cover lies at an angle on a cluttered table, under lamps that colour it and reflect in it, slightly out of
focus. Everything is drawn from one generator, so that the same seed gives the same pictures.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from dsc_common.features.perspective import homography

_UNIT = np.array([[-0.5, -0.5], [0.5, -0.5], [0.5, 0.5], [-0.5, 0.5]])  # corners, clockwise from the top left


@dataclass(frozen=True)
class PhoneCamera:
    """Ranges that a photograph is drawn from, each (lowest, highest).

    Attributes:
        longest_side: of the photograph, pixels.
        height: of the cover, as a fraction of the photograph's height.
        roll_deg: rotation in the plane of the picture, either way.
        tilt: distance that each corner is off its place, as a fraction of the cover's side.
        off_centre: distance of the cover's centre from that of the picture, as a fraction of its side.
        blur: standard deviation of the defocus, pixels.
        glare: brightness of a reflection at its centre; 1 is white.
        cast: gain of each colour channel.
        gamma: exponent of the brightness.
        noise: standard deviation of the sensor's noise; 1 is white.
    """

    longest_side: int = 480
    height: tuple[float, float] = (0.45, 0.75)
    roll_deg: tuple[float, float] = (0.0, 25.0)
    tilt: tuple[float, float] = (0.0, 0.14)
    off_centre: tuple[float, float] = (0.0, 0.1)
    blur: tuple[float, float] = (0.3, 1.6)
    glare: tuple[float, float] = (0.2, 0.9)
    cast: tuple[float, float] = (0.7, 1.1)
    gamma: tuple[float, float] = (0.7, 1.6)
    noise: tuple[float, float] = (0.005, 0.03)


def rephotograph(
    cover: Image.Image, clutter: Sequence[Image.Image], rng: np.random.Generator, camera: PhoneCamera
) -> Image.Image:
    """A photograph of a printed cover among other things.

    Args:
        cover: RGB, the picture on the cover.
        clutter: RGB, at least one picture of something else, for the table and what lies on it.
        rng: draws the photograph.
        camera: ranges to draw from.

    Returns:
        RGB, upright or lying, as phones are held.
    """
    side = camera.longest_side
    size = (side * 3 // 4, side) if rng.random() < 0.75 else (side, side * 3 // 4)
    scene = _table(size, clutter[int(rng.integers(len(clutter)))], rng)
    for other in clutter[:2]:
        _lay(scene, other, _quad_at_the_edge(size, other.size, rng))
    _lay(scene, cover, _quad_of_the_cover(size, cover.size, rng, camera))
    blurred = scene.filter(ImageFilter.GaussianBlur(rng.uniform(*camera.blur)))
    return _lit(blurred, rng, camera)


def _table(size: tuple[int, int], picture: Image.Image, rng: np.random.Generator) -> Image.Image:
    """A surface: a magnified, blurred part of a picture."""
    width, height = picture.size
    fraction = rng.uniform(0.3, 0.6)
    left, top = rng.uniform(0, 1 - fraction, size=2) * (width, height)
    part = picture.resize(size, box=(left, top, left + fraction * width, top + fraction * height))
    return part.filter(ImageFilter.GaussianBlur(rng.uniform(1.0, 6.0)))


def _quad_of_the_cover(
    size: tuple[int, int], cover: tuple[int, int], rng: np.random.Generator, camera: PhoneCamera
) -> NDArray[np.float64]:
    """(4, 2) corners of the cover in the photograph, pixels."""
    extent = np.array([cover[0] / cover[1], 1.0])
    extent *= rng.uniform(*camera.height) * min(size[1], size[0] / extent[0])
    tilt = rng.uniform(-1, 1, size=(4, 2)) * rng.uniform(*camera.tilt)
    centre = np.array(size) * (0.5 + rng.uniform(-1, 1, size=2) * rng.uniform(*camera.off_centre))
    return _turned((_UNIT + tilt) * extent, rng.uniform(*camera.roll_deg) * rng.choice([-1, 1])) + centre


def _quad_at_the_edge(
    size: tuple[int, int], picture: tuple[int, int], rng: np.random.Generator
) -> NDArray[np.float64]:
    """(4, 2) corners of something that lies partly outside the photograph, pixels."""
    extent = np.array([picture[0] / picture[1], 1.0]) * rng.uniform(0.3, 0.6) * size[1]
    direction = rng.uniform(0, 2 * np.pi)
    centre = np.array(size) * (0.5 + 0.5 * np.array([np.cos(direction), np.sin(direction)]))
    return _turned(_UNIT * extent, rng.uniform(0, 360)) + centre


def _turned(points: NDArray[np.float64], angle_deg: float) -> NDArray[np.float64]:
    angle = np.radians(angle_deg)
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    return np.asarray(points @ turn)


def _lay(scene: Image.Image, picture: Image.Image, quad: NDArray[np.float64]) -> None:
    """Draw a picture into a scene, its corners at those of the quad, with a soft shadow."""
    corners = (_UNIT + 0.5) * picture.size
    coefficients = homography(quad, corners).tolist()
    laid = picture.transform(scene.size, Image.Transform.PERSPECTIVE, coefficients, Image.Resampling.BICUBIC)
    mask = Image.new("L", scene.size)
    ImageDraw.Draw(mask).polygon([(float(x), float(y)) for x, y in quad], fill=255)
    shadow = mask.filter(ImageFilter.GaussianBlur(8)).point(lambda value: value * 2 // 5)
    scene.paste((0, 0, 0), (4, 6), shadow)
    scene.paste(laid, (0, 0), mask)


def _lit(scene: Image.Image, rng: np.random.Generator, camera: PhoneCamera) -> Image.Image:
    """Colour cast, brightness, a reflection, and the noise of the sensor."""
    x = np.asarray(scene, dtype=np.float64) / 255.0
    x = rng.uniform(*camera.cast, size=3) * x ** rng.uniform(*camera.gamma)
    rows, columns = np.mgrid[0 : scene.height, 0 : scene.width]
    centre = rng.uniform(0.2, 0.8, size=2) * (scene.height, scene.width)
    radii = rng.uniform(0.08, 0.3, size=2) * camera.longest_side
    distance = ((rows - centre[0]) / radii[0]) ** 2 + ((columns - centre[1]) / radii[1]) ** 2
    x += rng.uniform(*camera.glare) * np.exp(-distance)[..., None]
    x += rng.normal(0, rng.uniform(*camera.noise), size=x.shape)
    return Image.fromarray(np.rint(np.clip(x, 0.0, 1.0) * 255.0).astype(np.uint8))
