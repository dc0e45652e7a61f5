"""Photos below folders by their path below them, through links; and why a named file is not among them."""

import os
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path, PurePath

from dsc_common.errors import InvalidInputError
from dsc_common.features.images import SUFFIXES
from dsc_common.features.kinds import kind_of_file
from dsc_common.files.names import as_text
from dsc_common.files.walk import Found, Passed, walk

# What a person may miss; by-products of a system and hidden files are passed over without a word.
_LOSSES = (Passed.BROKEN_LINK, Passed.LOCKED)


@dataclass(eq=False)
class PhotosBelow:
    """Photos below folders.

    Attributes:
        paths: by the path below the folder (bytes that are not UTF-8 as \\xNN), each real file once, in the
            order of the names.
        again: further names of files in `paths`: links to them.
        passed: why a file is not among them, by its path below.
        losses: broken links and folders that cannot be read.
    """

    paths: dict[str, Path] = field(default_factory=dict)
    again: dict[str, Path] = field(default_factory=dict)
    passed: dict[str, str] = field(default_factory=dict)
    losses: list[tuple[Passed, Path]] = field(default_factory=list)

    @property
    def named(self) -> dict[str, Path]:
        """Every name of a photo, with its path."""
        return {**self.again, **self.paths}

    def why_not(self, name: str) -> str | None:
        """Why a file, or a folder that it is in, was passed over; None where there is no such file."""
        parents = [parent.as_posix() for parent in PurePath(name).parents]
        return next((self.passed[part] for part in (name, *parents) if part in self.passed), None)

    def notices(self) -> list[str]:
        """A line for each kind of loss."""
        counts = Counter(reason for reason, _ in self.losses)
        first = {reason: path for reason, path in reversed(self.losses)}
        return [f"{count} {reason} are left out, first {first[reason]}" for reason, count in counts.items()]


def files_below(folder: Path) -> list[Path]:
    """All files below a folder that are not hidden, through links, in the order of their paths.

    Raises:
        InvalidInputError: no such folder.
    """
    return [found.path for found in _walked(folder, PhotosBelow())]


def photos_below(folders: Iterable[Path]) -> PhotosBelow:
    """All photos below the folders; hidden ones are passed over.

    A photo has the suffix of one, or its first bytes are those of a kind that is read.

    Raises:
        InvalidInputError: a folder does not exist, or two photos share a path.
    """
    below = PhotosBelow()
    for folder in folders:
        for found in _walked(folder, below):
            name = as_text(found.below)
            if (why := _why_not(found.path)) is not None:
                below.passed[name] = why
            elif (other := below.paths.get(name)) is not None:
                raise InvalidInputError(f"two photos are called {name}: {other} and {found.path}")
            else:
                below.paths[name] = found.path
    return below


def real(path: Path) -> str:
    """The file behind a path, through links."""
    return os.path.realpath(path)


def _walked(folder: Path, below: PhotosBelow) -> list[Found]:
    if not folder.is_dir():
        raise InvalidInputError(f"no such folder: {folder}")
    top = Path(real(folder))

    def passed(reason: Passed, path: Path, _: str) -> None:
        name = as_text(path.relative_to(top).as_posix() if path.is_relative_to(top) else str(path))
        if reason is Passed.TWICE and path.is_file():
            below.again[name] = path
        else:
            below.passed[name] = f"{reason} are passed over"
        if reason in _LOSSES:
            below.losses.append((reason, path))

    return sorted(walk([folder], (), passed), key=lambda found: PurePath(found.below).parts)


def _why_not(path: Path) -> str | None:
    """Why a file is no photo; None for one that has the suffix or the first bytes of a photo."""
    if path.suffix.lower() in SUFFIXES:
        return None
    try:
        kind = kind_of_file(path)
    except OSError as error:
        return error.strerror or str(error)
    if kind is None:
        return "not a photo"
    return None if kind.readable else f"{kind.name}: {kind.hint}"
