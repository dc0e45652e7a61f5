"""Photos to upright RGB, from any EXIF orientation, alpha, grey, palette, CMYK, or 16 bits."""

import warnings
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, TiffImagePlugin, UnidentifiedImageError, WebPImagePlugin

from dsc_common.errors import InvalidImageError

# Part of the key of cached features. Increment it with every change here or in `Extractor` that alters the
# numbers for a photo and model; a test pins the pixels of some pictures.
READING_VERSION = 2

# Decoders that run in-process on bytes alone; no format that calls an outside program.
FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF", "PPM")
SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff", ".ppm", ".pgm"})
MAX_FILE_BYTES = 256 << 20
MAX_PIXELS = 89_478_485  # 256 MiB as RGB
MIN_SIDE = 32  # the backbones halve the image five times

Box = tuple[float, float, float, float]

# Pillow loads the other decoders itself, but these two only when every decoder is loaded.
_LOADED = (TiffImagePlugin, WebPImagePlugin)

# Pillow warns of a decompression bomb below the size at which it refuses one; refuse both. Warning filters
# are global and may be reset, so `_open` also counts the pixels.
warnings.simplefilter("error", Image.DecompressionBombWarning)
# For damaged files Pillow prints several lines of warnings; our error is one line.
warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.")


def check_photo(path: Path) -> None:
    """Raise InvalidImageError unless the file has the header of a photo of a safe size."""
    with _open(path):
        pass


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
    with _open(path) as image:
        try:
            if box is None and image.format in ("JPEG", "MPO"):  # MPO: a JPEG followed by further pictures
                # Decode a large JPEG at a reduced scale, still twice as fine as requested.
                image.draft(image.mode, (2 * longest_side, 2 * longest_side))
            upright = _to_rgb(ImageOps.exif_transpose(image))
        except InvalidImageError:
            raise
        except Exception as error:  # decoders raise anything at all on hostile bytes
            raise InvalidImageError(f"cannot read {path}: {_first_line(error)}") from error
    factor = longest_side / max(upright.size)
    if box is None:
        return _to_array(_scale(upright, factor))
    return _to_array(_scale(_crop(upright, box, path), min(1.0, factor)))


def _open(path: Path) -> Image.Image:
    try:
        if not path.is_file():
            raise InvalidImageError(f"no such photo: {path}")
        if path.stat().st_size > MAX_FILE_BYTES:
            raise InvalidImageError(f"expected a photo of at most {MAX_FILE_BYTES >> 20} MiB: {path}")
        image = Image.open(path, formats=FORMATS)
        if image.width * image.height > MAX_PIXELS:
            image.close()
            raise Image.DecompressionBombError
        return image
    except InvalidImageError:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise InvalidImageError(
            f"photo too large to decode safely (limit {MAX_PIXELS} pixels): {path}"
        ) from error
    except UnidentifiedImageError as error:
        raise InvalidImageError(f"not a photo (expected {', '.join(FORMATS)}): {path}") from error
    except Exception as error:  # decoders raise anything at all on hostile bytes
        raise InvalidImageError(f"cannot read {path}: {_first_line(error)}") from error


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I"):  # 16 bits a sample, in modes of 16 or 32 bits
        samples = np.asarray(image).astype(np.float64)
        eight_bits = np.clip(samples / 257.0, 0, 255).round().astype(np.uint8)
        return Image.fromarray(eight_bits).convert("RGB")
    if image.has_transparency_data:
        colours = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", colours.size, "white"), colours).convert("RGB")
    return image.convert("RGB")


def _crop(image: Image.Image, box: Box, path: Path) -> Image.Image:
    x0, y0, x1, y1 = box
    if not (0 <= x0 < x1 <= image.width and 0 <= y0 < y1 <= image.height):
        raise InvalidImageError(
            f"expected a box inside {image.width} x {image.height} pixels, got {list(box)}: {path}"
        )
    left, top = min(round(x0), image.width - 1), min(round(y0), image.height - 1)  # rounded as Pillow does
    return image.crop((left, top, max(left + 1, round(x1)), max(top + 1, round(y1))))


def _scale(image: Image.Image, factor: float) -> Image.Image:
    width, height = (max(MIN_SIDE, round(side * factor)) for side in image.size)
    return image.resize((width, height), Image.Resampling.BILINEAR)


def _to_array(image: Image.Image) -> NDArray[np.float32]:
    samples = np.asarray(image, dtype=np.float32) / np.float32(255)
    return np.ascontiguousarray(samples.transpose(2, 0, 1)[None])
