"""A directory that appears whole or not at all: written beside its target, then renamed."""

import contextlib
import errno
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from dsc_common.errors import InvalidInputError
from dsc_common.files.exchange import ASIDE, exchange
from dsc_common.files.lock import locked, try_lock
from dsc_common.files.mounts import is_mount_point
from dsc_common.files.whole_file import flush_folder

_TAKEN = (errno.EEXIST, errno.ENOTEMPTY, errno.ENOTDIR)


def real_target(target: Path) -> Path:
    """The path that a new directory gets: links are followed, whether or not they lead to something.

    Raises:
        InvalidInputError: the path is a link that leads to itself, or a mount point, which cannot be renamed.
    """
    real = Path(os.path.realpath(target))
    if real.is_symlink():
        raise InvalidInputError(f"expected a directory, got a link that leads to itself: {target}")
    if is_mount_point(real):
        raise InvalidInputError(
            f"a mount point cannot be replaced: {target} (a folder in it can: {target / 'index'})"
        )
    return real


def check_target(target: Path, *, overwrite: bool, is_ours: Callable[[Path], bool]) -> None:
    """Raise InvalidInputError unless `target` is absent, empty, or `is_ours` and to be overwritten."""
    if not target.exists():
        return
    if not target.is_dir():
        raise InvalidInputError(f"expected a directory, got a file: {target}")
    if not any(target.iterdir()):
        return
    if not is_ours(target):
        raise InvalidInputError(f"not empty and not an index directory, so it is left alone: {target}")
    if not overwrite:
        raise InvalidInputError(f"there is an index already (--overwrite replaces it): {target}")


@contextlib.contextmanager
def reserved(target: Path) -> Iterator[None]:
    """Keep other processes from writing `target`; what dead ones left beside it is removed.

    The folder that `target` is in is made, and removed again on an error.

    Args:
        target: a real path, see `real_target`.

    Raises:
        InvalidInputError: another process writes it, or it would be in a file.
        OSError: its folder cannot be written; names the folder.
    """
    if not _first_folder(target.parent).is_dir():
        raise InvalidInputError(f"expected a folder, got a file: {_first_folder(target.parent)}")
    with _parents_of(target):
        busy = f"another process is writing this directory: {target}"
        with _lock_beside(target, busy):
            _sweep(target)
            yield


@contextlib.contextmanager
def _lock_beside(target: Path, busy: str) -> Iterator[None]:
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(locked(target.with_name(f".{target.name}.lock"), busy))
        except OSError as error:
            raise OSError(error.errno, error.strerror, str(target.parent)) from error
        yield


@contextlib.contextmanager
def staged(target: Path, may_replace: Callable[[Path], bool] = lambda _old: True) -> Iterator[Path]:
    """A new folder beside `target` that becomes `target` at the end, or vanishes on any error or Ctrl-C.

    Args:
        target: a real path, see `real_target`.
        may_replace: whether a directory that is at the target by then, and not empty, is to be replaced.

    Raises:
        InvalidInputError: there is something at the target that may not be replaced.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=_prefix(target), dir=target.parent))
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        try_lock(descriptor)  # shows `_sweep` that someone works in it
        folder.chmod(0o755)
        yield folder
        _flush_files(folder)
        _swap(folder, target, may_replace)
        flush_folder(target.parent)
    finally:
        _remove(folder)
        os.close(descriptor)


def _prefix(target: Path) -> str:
    return f".{target.name}.partial-"


def _swap(folder: Path, target: Path, may_replace: Callable[[Path], bool]) -> None:
    if _renamed(folder, target):
        return
    with contextlib.suppress(OSError):
        target.rmdir()  # an empty folder, which some file systems do not replace
        if _renamed(folder, target):
            return
    refusal = InvalidInputError(f"something has appeared there meanwhile, and is left alone: {target}")
    if not target.is_dir() or not may_replace(target):
        raise refusal
    # Processes that have files of the old folder open can still read them after its removal.
    exchange(folder, target)
    if not may_replace(folder):  # it has changed since it was looked at
        exchange(folder, target)
        raise refusal


def _renamed(folder: Path, target: Path) -> bool:
    """Rename a folder; False if there is something at the target, other than an empty folder."""
    try:
        folder.rename(target)
    except OSError as error:
        if error.errno not in _TAKEN:
            raise
        return False
    return True


def _sweep(target: Path) -> None:
    """Remove what dead processes left; put back a directory that one had moved aside."""
    for path in sorted(target.parent.iterdir()):
        if not path.name.startswith(_prefix(target)) or path.is_symlink() or _is_in_use(path):
            continue
        if path.name.endswith(ASIDE) and not target.exists():
            path.rename(target)
        else:
            _remove(path)


def _remove(folder: Path) -> None:
    """Remove a folder, also one that is write-protected, as far as that is possible."""
    with contextlib.suppress(OSError):
        folder.chmod(0o700)
    shutil.rmtree(folder, ignore_errors=True)


def _is_in_use(folder: Path) -> bool:
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except OSError:  # not a folder, or not ours
        return True
    try:
        return not try_lock(descriptor)
    finally:
        os.close(descriptor)


def _first_folder(path: Path) -> Path:
    """The path, or the nearest one above it that exists."""
    return path if path.exists() or path == path.parent else _first_folder(path.parent)


@contextlib.contextmanager
def _parents_of(target: Path) -> Iterator[None]:
    made = [folder for folder in target.parents if not folder.exists()]
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        yield
    except BaseException:
        for folder in made:
            with contextlib.suppress(OSError):  # someone else uses it now
                folder.rmdir()
        raise


def _flush_files(folder: Path) -> None:
    for path in folder.iterdir():
        flush_folder(path)  # a file as well as a folder
