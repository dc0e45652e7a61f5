"""A directory that appears whole or not at all: written beside its target, then renamed."""

import contextlib
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from dsc_common.errors import InvalidInputError
from dsc_common.files.whole_file import flush_folder


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
def staged(target: Path) -> Iterator[Path]:
    """A new folder beside `target` that becomes `target` at the end, or vanishes on any error or Ctrl-C."""
    target.parent.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=f".{target.name}.partial-", dir=target.parent))
    folder.chmod(0o755)
    try:
        yield folder
        _swap(folder, target)
        flush_folder(target.parent)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _swap(folder: Path, target: Path) -> None:
    if not target.exists():
        folder.rename(target)
        return
    # The old folder is moved aside, then removed: processes that have it open can still read it.
    with tempfile.TemporaryDirectory(prefix=f".{target.name}.old-", dir=target.parent) as old:
        moved = target.rename(Path(old) / target.name)
        try:
            folder.rename(target)
        except BaseException:
            moved.rename(target)
            raise
