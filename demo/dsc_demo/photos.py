"""Finds and opens photos: which files of a folder are photos, and one file as an upright RGB image."""

from pathlib import Path

from PIL import Image, ImageOps

from dsc_common.errors import InvalidImageError, InvalidInputError

LONGEST_SIDE_PX = 1024
_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff", ".gif"})


def load_photo(path: Path, longest_side_px: int = LONGEST_SIDE_PX) -> Image.Image:
    """Return a photo upright and in RGB, scaled down if its longest side is above the limit.

    Raises:
        InvalidImageError: the file is no photo that can be read.
    """
    try:
        with Image.open(path) as opened:
            opened.draft("RGB", (2 * longest_side_px, 2 * longest_side_px))
            image = ImageOps.exif_transpose(opened).convert("RGB")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise InvalidImageError(f"cannot read the photo {path}: {error}") from error
    image.thumbnail((longest_side_px, longest_side_px), Image.Resampling.LANCZOS)
    return image


def photos_below(folder: Path) -> list[Path]:
    """Return the photos of a folder and of the folders in it, known by their suffixes, sorted by path.

    Raises:
        InvalidInputError: there is no such folder, or no photo in it.
    """
    folder = folder.expanduser().resolve()
    if not folder.is_dir():
        raise InvalidInputError(f"no such folder: {folder}")
    photos = sorted(path for path in folder.rglob("*") if path.suffix.lower() in _SUFFIXES and path.is_file())
    if not photos:
        raise InvalidInputError(f"no photos in {folder} (looked for {', '.join(sorted(_SUFFIXES))})")
    return photos
