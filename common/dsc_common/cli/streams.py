"""Lines for people on stderr and results on stdout, also where a stream is closed or full."""

import contextlib
import io
import os
import sys
from collections.abc import Iterator

from dsc_common.cli.printable import printable


def say(line: str) -> None:
    """Print one line on stderr; lost where stderr is closed or full, as nobody can read it there."""
    if sys.stderr is None:  # `print` would write to stdout
        return
    with contextlib.suppress(OSError, ValueError):
        print(printable(line), file=sys.stderr, flush=True)


def show(text: str) -> None:
    """Print results on stdout at once.

    Args:
        text: lines whose parts of unknown origin are printable.

    Raises:
        BrokenPipeError: the reader of stdout is gone.
        OSError: stdout is closed or full; names it as the file.
    """
    with standard_output():
        print(text, flush=True)


@contextlib.contextmanager
def standard_output() -> Iterator[None]:
    """Name stdout in the errors of printing to it."""
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        raise OSError(error.errno, error.strerror, "standard output") from error


def prepare_stdout() -> None:
    """Let stdout accept text that its encoding lacks."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


def abandon_stdout() -> None:
    """Drop what is still to be printed: the interpreter would try, and fail, once more when it exits."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
