"""Compilation by numba, with results kept in the user's cache folder where it can be used.

numba refuses to compile with a cache where it finds no folder that it can write to, and stops at files that
are damaged. Here both mean a compilation without a cache, which takes a few seconds more.

The kept files hold pickles. They are read from the user's cache folder only, or from the folder that
NUMBA_CACHE_DIR names.
"""

import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numba
from numba.core import config
from numba.core.caching import UserProvidedCacheLocator

from dsc_common.errors import DscError
from dsc_common.files.cache import cache_folder

_ANY_ORDER = {"reassoc", "nsz", "contract"}


class KeptLocator(UserProvidedCacheLocator):  # type: ignore[misc]
    """A folder of compiled code that may be read-only, as in the image of a container."""

    def ensure_cache_path(self) -> None:
        """Make the folder; OSError if it is not there and cannot be made."""
        Path(self.get_cache_path()).mkdir(parents=True, exist_ok=True)


def compile_loop(
    loop: Callable[..., Any],
    signature: Any,  # noqa: ANN401
    *,
    any_order: bool = False,
) -> Callable[..., Any]:
    """The loop compiled for one signature; it runs without the interpreter's lock.

    Args:
        loop: a function of a module.
        signature: types of its arguments and result.
        any_order: sums may be taken in any order, several terms at once.

    Raises:
        ImportError: NUMBA_DISABLE_JIT is set, so that nothing is compiled.
    """
    if config.DISABLE_JIT:
        raise ImportError("NUMBA_DISABLE_JIT is set")
    options = {"nogil": True, "fastmath": _ANY_ORDER if any_order else False}
    compiled = numba.njit(**options)(loop)
    folder = _folder()
    if folder is not None:
        with _kept_in(folder), suppress(Exception):  # of whatever a cache folder holds
            compiled.enable_caching()
            compiled.compile(signature)
    if not compiled.signatures:  # otherwise it could at most not be kept
        compiled = numba.njit(signature, **options)(loop)
    compiled.disable_compile()
    return compiled  # type: ignore[no-any-return]


def _folder() -> Path | None:
    """The folder of compiled code; None if there can be none."""
    if config.CACHE_DIR:
        return Path(config.CACHE_DIR)
    try:
        folder = cache_folder("dsc-server") / "compiled"
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return folder if _is_own(folder) else None
    except (DscError, OSError):
        return None


def _is_own(folder: Path) -> bool:
    """Whether no other user but root can write to the folder: its files are run."""
    state = folder.stat()
    return state.st_uid in (os.geteuid(), 0) and not state.st_mode & (stat.S_IWGRP | stat.S_IWOTH)


@contextmanager
def _kept_in(folder: Path) -> Iterator[None]:
    """Set numba's cache for the block; other users of numba in this process keep theirs."""
    before = config.CACHE_DIR, config.CACHE_LOCATOR_CLASSES
    config.CACHE_DIR = str(folder)
    config.CACHE_LOCATOR_CLASSES = f"{__name__}.{KeptLocator.__name__}"
    try:
        yield
    finally:
        config.CACHE_DIR, config.CACHE_LOCATOR_CLASSES = before
