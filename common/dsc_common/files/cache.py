"""Folders of a program: a cache of what it can download or compute again, and a state of what it cannot."""

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


def state_folder(program: str) -> Path:
    """`program` in the user's state folder: $XDG_STATE_HOME if that is an absolute path, else ~/.local/state.

    Raises:
        DscError: the user has no home folder.
    """
    try:
        folder = platformdirs.user_state_path(program, appauthor=False).expanduser()
    except RuntimeError as error:
        raise DscError("no state folder: this user has no home folder; set HOME or XDG_STATE_HOME") from error
    return folder
