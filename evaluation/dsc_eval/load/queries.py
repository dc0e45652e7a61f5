"""What packets are made of: photos, or rows of a feature file."""

from pathlib import Path

from dsc_common.errors import InvalidImageError, SettingError
from dsc_common.features.extraction import Extraction
from dsc_device.photos import find_photos
from dsc_device.rows import find_rows


def find_queries(photos: list[str], features: Path | None) -> list[Path | Extraction]:
    """The photos, or all queries of the file.

    Raises:
        SettingError: both are given, or neither.
        InvalidImageError: a photo is missing.
        InvalidInputError: the file is no feature file.
    """
    if (features is None) == (not photos):
        raise SettingError("expected PHOTOS or --features FILE, got " + ("both" if photos else "neither"))
    if features is not None:
        return [row.content for row in find_rows(features)]
    found = find_photos(photos)
    if found.errors:
        raise InvalidImageError(found.errors[0])
    contents = [photo.content for photo in found.photos]
    return [content for content in contents if isinstance(content, Path)]
