"""Photos in folders and files, with ids that do not depend on the location of the folder."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from dsc_common.errors import InvalidInputError
from dsc_common.features.images import SUFFIXES


@dataclass(frozen=True)
class Photo:
    """A photo to index: its id, `FOLDER/path below it` or a bare file name, and its path."""

    id: str
    path: Path

    @property
    def uri(self) -> str:
        """file:// URI of the photo."""
        return self.path.resolve().as_uri()


def find_photos(places: Sequence[Path]) -> list[Photo]:
    """All photos at the places (folders, searched recursively, or files), in the order of their ids.

    Hidden files and folders are skipped; photos are recognised by their suffix.

    Raises:
        InvalidInputError: a place does not exist or holds no photo, or two photos have the same id.
    """
    photos: dict[str, Photo] = {}
    for place in places:
        at_place = _photos_of(place)
        if not at_place:
            raise InvalidInputError(f"no photo in {place} (expected {', '.join(sorted(SUFFIXES))})")
        for photo in at_place:
            if photo.id in photos:
                raise InvalidInputError(
                    f"two photos have the id {photo.id}: {photos[photo.id].path} and {photo.path}"
                )
            photos[photo.id] = photo
    return [photos[key] for key in sorted(photos)]


def _photos_of(place: Path) -> list[Photo]:
    if place.is_file():
        return [Photo(_as_text(place.name), place)]
    if not place.is_dir():
        raise InvalidInputError(f"no such file or folder: {place}")
    root = place.resolve()
    below = (path.relative_to(root) for path in root.rglob("*"))
    return [
        Photo(_as_text(f"{root.name}/{path.as_posix()}"), root / path)
        for path in below
        if path.suffix.lower() in SUFFIXES
        and not any(part.startswith(".") for part in path.parts)
        and (root / path).is_file()
    ]


def _as_text(name: str) -> str:
    # A file name is bytes; invalid UTF-8 is written as \xNN, so that the id can be stored and sent.
    return os.fsencode(name).decode("utf-8", "backslashreplace")
