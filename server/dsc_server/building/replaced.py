"""Comparison of the photos that were found with the index that a build replaces."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path

from dsc_common.errors import DamagedIndexError, InvalidInputError
from dsc_server.building.photos import Photo
from dsc_server.index.catalogue import catalogue_from_bytes
from dsc_server.index.manifest import CATALOGUE


def compare_with_replaced(
    index: Path, places: Sequence[Path], photos: Sequence[Photo], say: Callable[[str], None]
) -> None:
    """Count the photos of an index that are not found any more.

    Args:
        index: an index directory, or nothing.
        places: where photos were searched.
        photos: what was found.
        say: receives a line.

    Raises:
        InvalidInputError: a folder has no photo at all, but the index has photos of it; its disk may be gone.
    """
    former = _uris(index)
    if not former:
        return
    found = {photo.uri for photo in photos}
    missing = 0
    for place in places:
        root = f"{Path(os.path.realpath(place)).as_uri()}/"
        of_place = {uri for uri in former if uri.startswith(root)}
        if of_place and not any(uri.startswith(root) for uri in found):
            raise InvalidInputError(
                f"no photo in {place}, but {len(of_place):,} of it in the index that is to be replaced:"
                " is its disk there? (without this argument, they are dropped)"
            )
        missing += len(of_place - found)
    if missing:
        say(f"not found any more: {missing:,} photos of the index that is replaced")


def _uris(index: Path) -> set[str]:
    try:
        images = catalogue_from_bytes((index / CATALOGUE).read_bytes())
    except (OSError, DamagedIndexError):
        return set()
    return {image.uri for image in images.values()}
