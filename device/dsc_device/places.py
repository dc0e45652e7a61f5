"""Folders and files that a device works in: what lies in their place is named before anything is done."""

import stat
from pathlib import Path

from dsc_common.errors import SettingError

_KINDS = (
    (stat.S_ISREG, "a file"),
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISLNK, "a link"),
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISSOCK, "a socket"),
)


def kind_at(path: Path, *, through_links: bool = True) -> str | None:
    """What is at a path, in words, such as "a folder"; None if nothing is there.

    Args:
        path: the path; a link that leads nowhere is a link.
        through_links: whether a link counts as what it leads to.

    Raises:
        OSError: a folder on the way cannot be looked into.
    """
    try:
        mode = (path.stat() if through_links else path.lstat()).st_mode
    except (FileNotFoundError, NotADirectoryError):
        return kind_at(path, through_links=False) if through_links else None
    return next((words for is_kind, words in _KINDS if is_kind(mode)), "a device")


def require_folder(folder: Path, name: str) -> None:
    """Raise SettingError unless this is a folder, or can become one.

    Args:
        folder: the path.
        name: what the folder is for, such as "the queue".
    """
    for place in (folder, *folder.parents):
        kind = kind_at(place)
        if kind is None:
            continue
        if kind != "a folder":
            raise SettingError(f"expected a folder for {name}, got {kind}: {place}")
        return


def require_file(path: Path) -> None:
    """Raise SettingError if something else than a regular file is at a path; links are not followed."""
    kind = kind_at(path, through_links=False)
    if kind not in (None, "a file"):
        raise SettingError(f"expected a regular file, got {kind}: {path}")
