"""Lines for people on stderr and results on stdout, also where a stream is closed or full."""

import contextlib
import errno
import fcntl
import io
import os
import sys
from collections.abc import Callable, Iterator

from dsc_common.cli.printable import printable, shortened

MAX_LINE = 8192  # characters; room for two paths of any length
_shape: Callable[[str], str] = printable


def say(line: str) -> None:
    """Print one line on stderr; lost where stderr is closed or full, as nobody can read it there.

    Of a line that is very long, the middle is left out.
    """
    write_line(_shape(shortened(line, MAX_LINE)))


def write_line(text: str) -> None:
    """Write text and the end of a line to stderr in one piece, as `say` does.

    Args:
        text: one line, or several, whose parts of unknown origin are printable.
    """
    if sys.stderr is None:
        return
    with contextlib.suppress(OSError, ValueError):
        sys.stderr.write(f"{text}\n")
        sys.stderr.flush()


@contextlib.contextmanager
def shaped_lines(shape: Callable[[str], str]) -> Iterator[None]:
    """Give the lines of `say` and `announce` another form while the block runs.

    Args:
        shape: a line for people → the line to print, without characters that are unsafe in a terminal.
    """
    global _shape  # noqa: PLW0603 (as the streams themselves: one for the process)
    before, _shape = _shape, shape
    try:
        yield
    finally:
        _shape = before


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


def require_open_stdout() -> None:
    """Raise OSError, as `show` would, if stdout was closed when the process began."""
    try:
        flags = fcntl.fcntl(sys.stdout.fileno(), fcntl.F_GETFL)
    except (OSError, ValueError):  # it is no file of the system
        return
    if flags & os.O_ACCMODE == os.O_RDONLY:  # see `open_closed_streams`
        raise OSError(errno.EBADF, os.strerror(errno.EBADF), "standard output")


def announce(line: str) -> None:
    """Print a line on stdout; a service goes on without it where stdout is closed or full."""
    try:
        show(_shape(line))
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
