"""The folder that the demonstration writes to; it overwrites only files of earlier demonstrations."""

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from dsc_common.errors import InvalidInputError
from dsc_common.files.lock import try_lock

MARKER = ".dsc-demo"
_WRITTEN_NAMES = (
    "photos",
    "queries",
    "ground_truth.json",
    "gallery",
    "index",
    "answers",
    "report.html",
)


_PARTIAL_INDEXES = ".index.partial-*"  # what a killed build leaves


@contextlib.contextmanager
def reserved_out(out: Path) -> Iterator[Path]:
    """A folder that is ready to be written, and that no other demonstration writes meanwhile.

    It is created, or what an earlier demonstration left in it is removed. The value is its absolute path.

    Raises:
        InvalidInputError: `out` is a file, cannot be written, is written by another demonstration, or holds
            what no demonstration wrote.
    """
    out = out.expanduser().resolve()
    with contextlib.ExitStack() as stack:
        try:
            _check_ours(out)
            out.mkdir(parents=True, exist_ok=True)
            stack.enter_context(_locked(out))
            (out / MARKER).write_text("Written by dsc-demo; a later run overwrites what lies here.\n")
            _remove_written(out)
        except OSError as error:
            raise InvalidInputError(f"cannot write to {out}: {error.strerror or error}") from error
        yield out


@contextlib.contextmanager
def _locked(out: Path) -> Iterator[None]:
    descriptor = os.open(out, os.O_RDONLY | os.O_DIRECTORY)
    try:
        if not try_lock(descriptor):
            raise InvalidInputError(f"another dsc-demo is writing to {out}: choose another --out")
        yield
    finally:
        os.close(descriptor)


def check_apart(images: Path, out: Path) -> None:
    """Refuse an `out` inside the photo folder, whose index would then hold the queries, and the reverse."""
    images, out = images.expanduser().resolve(), out.expanduser().resolve()
    if out.is_relative_to(images):
        raise InvalidInputError(f"--out {out} lies inside the photo folder {images}: choose another --out")
    if images.is_relative_to(out):
        raise InvalidInputError(f"--images {images} lies inside --out {out}: choose another --out")


def _check_ours(out: Path) -> None:
    if out.exists() and not out.is_dir():
        raise InvalidInputError(f"--out {out} is a file, not a folder")
    if out.is_dir() and any(out.iterdir()) and not (out / MARKER).is_file():
        raise InvalidInputError(f"--out {out} is not empty and was not written by dsc-demo: choose another")


def _remove_written(out: Path) -> None:
    for path in [*(out / name for name in _WRITTEN_NAMES), *out.glob(_PARTIAL_INDEXES)]:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
