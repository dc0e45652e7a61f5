"""The cache folder of a program: files that it can download or compute again."""

from pathlib import Path

import platformdirs

from dsc_common.errors import DscError


def cache_folder(program: str) -> Path:
    """`program` in the user's cache folder: $XDG_CACHE_HOME if that is an absolute path, else ~/.cache.

    Raises:
        DscError: the user has no home folder, as in a container with an unknown user.
    """
    try:
        folder = platformdirs.user_cache_path(program, appauthor=False).expanduser()
    except RuntimeError as error:
        raise DscError("no cache folder: this user has no home folder; set HOME or XDG_CACHE_HOME") from error
    return folder
