"""The photos of a folder, as `dsc-server build` finds them, and one photo as an upright RGB image."""

from pathlib import Path

from PIL import Image

from dsc_common.errors import InvalidInputError
from dsc_common.features import images
from dsc_server.building.photos import Photo, find_photos

LONGEST_SIDE_PX = 1024


def load_photo(path: Path, longest_side_px: int = LONGEST_SIDE_PX) -> Image.Image:
    """Return a photo upright and in RGB, scaled down if its longest side is above the limit.

    Raises:
        InvalidImageError: the file is no photo that can be read.
    """
    return images.load_photo(path, longest_side_px)


def photos_below(folder: Path) -> list[Photo]:
    """Return the photos of a folder and of the folders in it, with the ids that a server gives them.

    Raises:
        InvalidInputError: there is no such folder, or no photo in it.
    """
    folder = folder.expanduser().resolve()
    if not folder.is_dir():
        raise InvalidInputError(f"no such folder: {folder}")
    return find_photos([folder])
