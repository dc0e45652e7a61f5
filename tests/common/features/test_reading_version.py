"""Pixels of some pictures, pinned: where they change, cached features must no longer be found."""

import hashlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dsc_common.features.images import MIN_SIDE, READING_VERSION, Box, load_pixels

# SHA-256 of what load_pixels gives for each picture; where one changes, raise READING_VERSION.
PINNED_VERSION = 3
PINNED = {
    "colour": "a0ce80111f7c01f71d6c6d51db6b24eccc94314dc9ef3929700968116f81d4c4",
    "a box": "f8baa9750d4306058a1a6938417c3528af68da6af881cda3d2edc98b4dfc66d9",
    "turned": "322bfeb0015ec2501930c004eb30a7480f4380e632a5d99d0ba9021f91d0121c",
    "transparent": "c582f464b8e3e810d0a336a64d8bfe94471b1d4cf3e0434896f7ea909ca0562e",
    "grey": "58de59c6f678803b1eee921e09ea1a12a07425220d13869fa25874363ff35890",
    "16 bits": "7dee402476cf60d70373b82acb9f880b9ca6479a06a106deb5f5406b809f6803",
    "palette": "4452df9bc7aac4d957eeceb04f6e4e6eb10c82cc7109ec2fc4baf605a4178665",
    "narrow": "aaab72c78034d82710f1eb42f78aed35f79adca39a671f077f25b9348d9fbc53",
}
LONGEST_SIDE = 48


def save(name: str, path: Path) -> Box | None:
    """Save one of the pictures without loss; returns the box that is read."""
    rows, columns = np.mgrid[0:60, 0:100]
    samples = np.stack([2 * columns, 4 * rows, (rows * columns) % 256], axis=2).astype(np.uint8)
    colour = Image.fromarray(samples)
    exif = Image.Exif()
    exif[0x0112] = 6  # orientation: the first row is the right side
    alpha = Image.fromarray(((rows + columns) % 256).astype(np.uint8))
    pictures = {
        "turned": colour,
        "transparent": Image.merge("RGBA", (*colour.split(), alpha)),
        "grey": Image.fromarray(samples[:, :, 2]),
        "16 bits": Image.fromarray((rows * 1000 + columns).astype(np.uint16)),
        "palette": Image.fromarray((columns // 8).astype(np.uint8)).convert("P"),
        "narrow": colour.crop((0, 0, 100, 5)),
    }
    pictures.get(name, colour).save(path, exif=exif if name == "turned" else None)
    return (10.4, 5.0, 81.6, 33.5) if name == "a box" else None


@pytest.mark.parametrize("name", PINNED)
def test_other_pixels_need_another_version(name: str, tmp_path: Path) -> None:
    box = save(name, tmp_path / "a.png")
    pixels = load_pixels(tmp_path / "a.png", LONGEST_SIDE, box)
    digest = hashlib.sha256(f"{pixels.shape} {pixels.dtype}".encode() + pixels.tobytes()).hexdigest()
    assert (READING_VERSION, digest) == (PINNED_VERSION, PINNED[name])


@pytest.mark.parametrize(
    ("size", "scale"),
    [
        ((400, 300), 4),  # 100 pixels: more than 1.9 times as many as the 48 that are asked for
        ((288, 30), 1),  # a narrow one keeps its rows, of which 32 are asked for
        ((183, 140), 1),
        ((184, 130), 2),
        ((500, 736), 8),
    ],
)
def test_a_large_jpeg_is_decoded_at_a_reduced_scale(
    size: tuple[int, int], scale: int, tmp_path: Path
) -> None:
    """Against Pillow's own calls, since bytes of a JPEG may differ between versions of its library."""
    samples = np.random.default_rng(0).integers(0, 256, (*size[::-1], 3), dtype=np.uint8)
    Image.fromarray(samples).save(tmp_path / "a.jpg")
    factor = LONGEST_SIDE / max(size)
    with Image.open(tmp_path / "a.jpg") as image:
        image.draft("RGB", (size[0] // scale, size[1] // scale))
        assert image.size == (-(-size[0] // scale), -(-size[1] // scale))
        wanted = (max(MIN_SIDE, round(size[0] * factor)), max(MIN_SIDE, round(size[1] * factor)))
        small = image.resize(wanted, Image.Resampling.BILINEAR)
    expected = np.asarray(small, dtype=np.float32).transpose(2, 0, 1)[None] / np.float32(255)
    assert load_pixels(tmp_path / "a.jpg", LONGEST_SIDE).tobytes() == expected.tobytes()
