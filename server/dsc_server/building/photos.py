"""Photos in folders and files, with ids that do not depend on the location of the folder."""

import os
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from dsc_common.errors import InvalidInputError
from dsc_common.features.images import SUFFIXES
from dsc_common.features.kinds import kind_of_file, readable_names
from dsc_common.files.names import as_text
from dsc_common.files.walk import Found, walk
from dsc_common.progress import Track, untracked
from dsc_server.building.tally import EMPTY, LOCKED_FILES, Tally


@dataclass(frozen=True)
class Photo:
    """A photo to index: its id, `FOLDER/path below it` or a bare file name, and its path."""

    id: str
    path: Path

    @property
    def uri(self) -> str:
        """file:// URI of the photo."""
        return self.path.resolve().as_uri()


def find_photos(
    places: Sequence[Path],
    exclude: Sequence[str] = (),
    tally: Tally | None = None,
    track: Track[Found] = untracked,
) -> list[Photo]:
    """All photos at the places (folders, searched recursively, or files), in the order of their ids.

    Photos are recognised by their first bytes, whatever their names; a file with the suffix of a photo
    counts as a photo that cannot be read if it is none. A real file is one photo, however often it is
    reached. Photos of the same id get longer ones, with more of the folders that they are in.

    Args:
        places: folders and files.
        exclude: glob patterns of names or of paths below a place, see `walk`.
        tally: counts what is left out.
        track: shows progress over files.

    Raises:
        InvalidInputError: a place does not exist, there is no photo at all, or ids stay the same.
    """
    tally = Tally(lambda _: None) if tally is None else tally
    for place in places:
        if not os.path.lexists(place):
            raise InvalidInputError(f"no such file or folder: {place}")
    found = list(walk(places, exclude, tally.passed))
    tally.say_unused(exclude)
    photos = [file for file in track(found, "looking for photos", len(found)) if _is_photo(file, tally)]
    if not photos:
        where = ", ".join(map(str, places[:3])) + (", …" if len(places) > 3 else "")
        raise InvalidInputError(f"no photo in {where} (expected {readable_names()})")
    _name_empty_places(places, photos, tally)
    return sorted(_with_ids(photos), key=lambda photo: photo.id)


def _is_photo(file: Found, tally: Tally) -> bool:
    try:
        kind = kind_of_file(file.path)
    except OSError as error:
        tally.add(LOCKED_FILES, f"{file.path}: {error.strerror or error}")
        return False
    if kind is not None and not kind.readable:
        tally.not_read(kind)
        return False
    if kind is None and file.below != "." and file.path.suffix.lower() not in SUFFIXES:
        tally.no_photo(file.path)
        return False
    return True


def _name_empty_places(places: Sequence[Path], photos: Iterable[Found], tally: Tally) -> None:
    used = {file.place for file in photos}
    for place in places:
        real = Path(os.path.realpath(place))
        inside = any(other == real or other in real.parents for other in used)
        if place.is_dir() and not inside and not any(real in other.parents for other in used):
            tally.add(EMPTY, f"no photo in {place}")


def _with_ids(files: Sequence[Found]) -> list[Photo]:
    """Ids from the place on; of those that are the same, from as many folders further up as it takes."""
    depths = {file.path: max(1, len(Path(file.below).parts) + (file.below != ".")) for file in files}
    while True:
        groups: dict[str, list[Path]] = defaultdict(list)
        for path, depth in depths.items():
            groups[_id(path, depth)].append(path)
        same = [path for paths in groups.values() if len(paths) > 1 for path in paths]
        if not same:
            return [Photo(_id(path, depth), path) for path, depth in depths.items()]
        if all(depths[path] >= len(path.absolute().parts) for path in same):
            raise InvalidInputError(f"two photos have the id {_id(same[0], 1)}: {same[0]} and {same[1]}")
        for path in same:
            depths[path] += 1


def _id(path: Path, depth: int) -> str:
    return as_text("/".join(path.absolute().parts[-depth:]).removeprefix("//"))
