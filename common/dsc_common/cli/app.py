"""Run a command: errors as one clear line, exit codes 0, 1 and 2, settings from options and environment."""

import io
import os
import signal
import sys
from types import FrameType
from typing import Any, NoReturn, TypeVar

import typer
from pydantic import ValidationError
from pydantic_settings import BaseSettings

from dsc_common.errors import DscError

_Settings = TypeVar("_Settings", bound=BaseSettings)


class InterruptionError(BaseException):
    """Ctrl-C or SIGTERM; half-written files are removed while it propagates.

    Not a KeyboardInterrupt, which Typer handles itself, and not an Exception, which code may catch.
    """


def run_app(app: typer.Typer) -> NoReturn:
    """Run a Typer app; a DscError or an interruption is one line on stderr and exit code 1."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _interrupt)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # file names need not be valid text
    try:
        app()
    except DscError as error:
        print(f"error: {error}", file=sys.stderr)
    except InterruptionError:
        print("error: interrupted", file=sys.stderr)
    except BrokenPipeError:
        # The reader of stdout is gone; without this the interpreter fails again when it exits.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except OSError as error:
        print(f"error: {error.strerror or error}: {error.filename or 'no file named'}", file=sys.stderr)
    sys.exit(1)


def _interrupt(_signal: int, _frame: FrameType | None) -> NoReturn:
    raise InterruptionError


def read_settings(kind: type[_Settings], **options: object) -> _Settings:
    """Settings from the environment, overridden by the command-line options that are not None.

    Raises:
        typer.BadParameter: a value is invalid (exit code 2).
    """
    overrides: dict[str, Any] = {key: value for key, value in options.items() if value is not None}
    try:
        return kind(**overrides)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"])
        raise typer.BadParameter(f"{name}: {first['msg']}, got {first['input']!r}") from error
