"""Run a command: errors as one clear line, exit codes 0, 1 and 2."""

import errno
import sys
from typing import NoReturn

import typer

from dsc_common.cli.interruption import (
    LINE,
    InterruptionError,
    exit_when_interrupted,
    raise_when_interrupted,
)
from dsc_common.cli.streams import abandon_stdout, prepare_stdout, say, standard_output
from dsc_common.errors import DscError, SettingError

__all__ = ["InterruptionError", "run_app"]
# The errors of a command line; Typer brings Click along under a private name.
_UsageError: type[Exception] = typer.BadParameter.__mro__[2]


def run_app(app: typer.Typer) -> NoReturn:
    """Run a Typer app; any error that a user may cause is one line on stderr and exit code 1 or 2."""
    raise_when_interrupted()
    prepare_stdout()
    code = _exit_code(app)
    exit_when_interrupted()
    sys.exit(code)


def _exit_code(app: typer.Typer) -> int:
    try:
        code = _invoke(app)
        with standard_output():
            sys.stdout.flush()
        return code
    except SettingError as error:
        say(f"error: {error}")
        return 2
    except DscError as error:
        say(f"error: {error}")
    except InterruptionError:
        say(LINE)
    except ImportError as error:
        if not _is_interrupted(error):
            raise
        say(LINE)
    except MemoryError as error:
        say(f"error: not enough memory{f': {error}' if str(error) else ''}")
    except BrokenPipeError:
        abandon_stdout()  # its reader is gone, and needs no line
    except OSError as error:
        abandon_stdout()
        say("error: " + ": ".join(str(part) for part in (error.strerror or error, _name_of(error)) if part))
    return 1


def _is_interrupted(error: BaseException | None) -> bool:
    """Whether an import failed because the user insisted on ending the command."""
    while error is not None:
        if isinstance(error, InterruptionError):
            return True
        error = error.__cause__ or error.__context__
    return False


def _name_of(error: OSError) -> object:
    """The file of an error; for a copy that finds no room, the copy and not its source."""
    if error.errno == errno.ENOENT and error.filename is None:
        return "the current folder"  # removed since the command started
    if error.errno == errno.EBADF and error.filename is None:
        return "standard output"  # closed when the command started; libraries print too
    no_room = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
    return (error.filename2 if no_room else None) or error.filename


def _invoke(app: typer.Typer) -> int:
    """The exit code of a command that returns."""
    command = typer.main.get_command(app)
    try:
        code = command(standalone_mode=False)
    except typer.Abort:
        return 1
    except _UsageError as error:
        return _report_usage(error)
    return code if isinstance(code, int) else 0


def _report_usage(error: Exception) -> int:
    message = str(error.format_message())  # type: ignore[attr-defined]
    if (
        type(error).__name__ == "NoArgsIsHelpError"
    ):  # the message is the help text, if that is not printed yet
        if message:
            print(message, file=sys.stderr)
        return 2
    from dsc_common.cli.wrong_option import refusal_of  # noqa: PLC0415 (loads pydantic)

    context = getattr(error, "ctx", None)
    hint = f" (help: {context.command_path} --help)" if context is not None else ""
    say(f"error: {refusal_of(error, message)}{hint}")
    return 2
