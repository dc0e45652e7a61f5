"""The line of a wrong value on the command line, in the same words as that of a wrong setting."""

import inspect
import sys
import typing
from collections.abc import Iterable
from enum import Enum
from typing import Any

from annotated_types import Ge, Le

from dsc_common.cli.expected_value import expected_of
from dsc_common.cli.printable import shortened

_MAX_GIVEN = 200  # characters of a value that is shown


def refusal_of(error: Exception, words: str) -> str:
    """What an option expects and got, with its name.

    Args:
        error: a usage error of Click.
        words: its message, for errors that are not about the value of an option.
    """
    names = tuple(getattr(getattr(error, "param", None), "opts", ()))
    given = _given(names)
    message = str(getattr(error, "message", ""))
    if given is None or not message:
        return words
    name = max(names, key=len)
    expected = _expected(error)
    if expected is not None:
        return f"{name}: expected {expected}, got {_shown(given)}"
    if message.startswith("expected"):  # of a parser of the project
        return f"{name}: {message}"
    return words if given in words else f"{words}, got {_shown(given)}"


def _given(names: Iterable[str]) -> str | None:
    """The value of an option as the command line has it, the last of several; None if it is not there."""
    for place, word in reversed(list(enumerate(sys.argv))):
        option, equals, value = word.partition("=")
        if option in names:
            return value if equals else next(iter(sys.argv[place + 1 :]), None)
    return None


def _shown(value: str) -> str:
    return repr(shortened(value, _MAX_GIVEN))


def _expected(error: Exception) -> str | None:
    """The values that an option takes; None if a function of the project parses it, or if not known."""
    callback = getattr(getattr(getattr(error, "ctx", None), "command", None), "callback", None)
    name = getattr(getattr(error, "param", None), "name", "")
    parameter = inspect.signature(callback).parameters.get(name) if callback else None
    if parameter is None:
        return None
    kind, about = _kind_and_about(parameter)
    if getattr(about, "parser", None) is not None:
        return None
    if not (kind in (int, float) or (isinstance(kind, type) and issubclass(kind, Enum))):
        return None
    low, high = (getattr(about, bound, None) for bound in ("min", "max"))
    return expected_of(kind, [*([] if low is None else [Ge(low)]), *([] if high is None else [Le(high)])])


def _kind_and_about(parameter: inspect.Parameter) -> tuple[Any, Any]:
    """The type of a parameter's value without None, and its `typer.Option`."""
    annotation, about = parameter.annotation, parameter.default
    if typing.get_origin(annotation) is typing.Annotated:
        annotation, about = typing.get_args(annotation)[:2]
    kinds = [each for each in typing.get_args(annotation) or (annotation,) if each is not type(None)]
    return kinds[0], about
