"""Query photos: files, folders with all photos below them, and one photo on standard input."""

import os
import sys
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from dsc_common.errors import InvalidInputError
from dsc_common.features.images import SUFFIXES
from dsc_common.features.kinds import kind_of_file
from dsc_common.features.opening import MAX_FILE_BYTES
from dsc_common.files.walk import Found, Passed, walk
from dsc_device.photo_list import STDIN

_ERRORS = (Passed.LOCKED, Passed.BROKEN_LINK)  # photos may be missing because of these
_NO_PHOTOS = "files that are no photos"
_VIDEOS = "videos"


@dataclass(frozen=True)
class QueryPhoto:
    """A photo to send: its path, and its name in answers and error lines."""

    path: Path
    name: str

    def line_of(self, error: Exception) -> str:
        """The message of an error, with the photo's name in place of its path."""
        return str(error).replace(str(self.path), self.name)


@dataclass
class Findings:
    """What was found in the places that a user named.

    Attributes:
        photos: in the order of the places; those of a folder in the order of their paths.
        errors: a line for each place without photos, and each folder or link that cannot be read.
        passed_over: what else lies in the folders, and how often.
    """

    photos: list[QueryPhoto] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    passed_over: Counter[str] = field(default_factory=Counter)


def find_photos(places: Iterable[str], listed: Iterable[str] = ()) -> Findings:
    """Files as they are named; photos below folders, by their content; standard input for `-`.

    Args:
        places: files and folders; `-` is standard input.
        listed: further files and folders; `-` is a file of that name.

    Raises:
        InvalidInputError: `-` is named twice, or what standard input holds is too large.
    """
    findings = Findings()
    names = list(places)
    if names.count(STDIN) > 1:
        raise InvalidInputError("expected one photo on standard input, got '-' twice")
    for name in names:
        if name == STDIN:
            findings.photos.append(_from_stdin())
        else:
            _add_place(name, findings)
    for name in listed:
        _add_place(name, findings)
    return findings


def _add_place(name: str, findings: Findings) -> None:
    if not name:  # mostly an unset variable of the shell
        findings.errors.append("expected a photo or a folder, got an empty path")
    elif os.path.isdir(name):  # noqa: PTH112 (False for whatever a name may be)
        _add_folder(Path(name), findings)
    else:
        findings.photos.append(QueryPhoto(Path(name), str(Path(name))))


def _from_stdin() -> QueryPhoto:
    """The photo on standard input as a file in memory, until the process ends."""
    content = sys.stdin.buffer.read(MAX_FILE_BYTES + 1)
    if len(content) > MAX_FILE_BYTES:
        raise InvalidInputError(f"expected a photo of at most {MAX_FILE_BYTES >> 20} MiB on standard input")
    descriptor = os.memfd_create("standard input")
    with os.fdopen(descriptor, "wb", closefd=False) as file:
        file.write(content)
    return QueryPhoto(Path(f"/proc/self/fd/{descriptor}"), STDIN)


def _add_folder(folder: Path, findings: Findings) -> None:
    def report(reason: Passed, path: Path, text: str) -> None:
        if reason in _ERRORS:
            findings.errors.append(f"cannot read {path}: {text or reason}")
        else:
            findings.passed_over[reason] += 1

    found = sorted(walk([folder], (), report), key=lambda file: file.below.split("/"))
    photos = [folder / file.below for file in found if _is_photo(file, findings)]
    if not photos:
        findings.errors.append(f"no photo in {folder}")
    findings.photos += [QueryPhoto(path, str(path)) for path in photos]


def _is_photo(file: Found, findings: Findings) -> bool:
    """Whether a file counts as a photo; one that cannot be read is an error when its turn comes."""
    try:
        kind = kind_of_file(file.path)
    except OSError:
        return True
    if kind is not None and kind.medium == "video":
        findings.passed_over[_VIDEOS] += 1
        return False
    if kind is None and file.path.suffix.lower() not in SUFFIXES:
        findings.passed_over[_NO_PHOTOS] += 1
        return False
    return True
