"""The cache folder of a program: files that it can download or compute again."""

from pathlib import Path

import platformdirs


def cache_folder(program: str) -> Path:
    """`program` in the user's cache folder: $XDG_CACHE_HOME if that is an absolute path, else ~/.cache."""
    return platformdirs.user_cache_path(program, appauthor=False)
