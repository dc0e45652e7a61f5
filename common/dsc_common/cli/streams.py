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


def announce(line: str) -> None:
    """Print a line on stdout; a service goes on without it where stdout is closed or full."""
    try:
        show(printable(line))
    except OSError as error:
        abandon_stdout()
        say(f"note: cannot write to standard output: {error.strerror}")


def open_closed_streams() -> None:
    """Open the null device in place of each standard stream that is closed.

    The next file or socket would get its number, and what is printed. Writing to stdout still fails.
    """
    for number, mode in ((0, os.O_RDONLY), (1, os.O_RDONLY), (2, os.O_WRONLY)):
        try:
            os.fstat(number)
        except OSError:
            os.set_inheritable(os.open(os.devnull, mode), True)
    sys.stdin = sys.stdin or os.fdopen(0, closefd=False)
    sys.stdout = sys.stdout or os.fdopen(1, "w", closefd=False)
    sys.stderr = sys.stderr or os.fdopen(2, "w", closefd=False)


def prepare_stdout() -> None:
    """Let stdout accept text that its encoding lacks."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


def abandon_stdout() -> None:
    """Drop what is still to be printed: the interpreter would try, and fail, once more when it exits."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
