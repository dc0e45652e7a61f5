"""Where the evaluation keeps features."""

from pathlib import Path

from dsc_common.files.cache import cache_folder


def default_folder() -> Path:
    """`dsc-eval` in $XDG_CACHE_HOME, or in ~/.cache."""
    return cache_folder("dsc-eval")
