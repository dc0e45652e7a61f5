"""Settings of a command, from its options and the environment; errors name the option or variable."""

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any, TypeVar

from pydantic import ValidationError
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings

from dsc_common.cli.expected_value import expected_value
from dsc_common.cli.variables import require_filled, require_known_variables
from dsc_common.errors import InvalidInputError, SettingError

_Settings = TypeVar("_Settings", bound=BaseSettings)

MAX_WAIT_S = 7 * 86_400.0  # longer waits are mistakes, and clocks overflow at some length
MAX_THREADS = 1024


def read_settings(kind: type[_Settings], **options: object) -> _Settings:
    """Settings from the environment, overridden by the command-line options that are not None.

    Raises:
        SettingError: a value is invalid, a setting is missing, a variable with the prefix of these
            settings is none of them, or one of `NEVER_EMPTY` is empty.
    """
    require_known_settings(kind)
    given: dict[str, Any] = {key: value for key, value in options.items() if value is not None}
    from_environment = set(getattr(kind, "NEVER_EMPTY", ())) - given.keys()
    require_filled({f"{prefix_of(kind)}{name.upper()}" for name in from_environment})
    try:
        return kind(**given)
    except ValidationError as error:
        raise SettingError(_line(kind, error.errors()[0], given)) from error


def require_known_settings(kind: type[BaseSettings]) -> None:
    """Raise SettingError if a variable with the prefix of these settings is none of them."""
    require_known_variables(prefix_of(kind), kind.model_fields, getattr(kind, "OTHER_VARIABLES", ()))


@contextlib.contextmanager
def refused_as_setting() -> Iterator[None]:
    """An invalid input of the block is a wrong option: SettingError."""
    try:
        yield
    except InvalidInputError as error:
        raise SettingError(str(error)) from error


def prefix_of(kind: type[BaseSettings]) -> str:
    """Prefix of the settings' environment variables."""
    return str(kind.model_config.get("env_prefix", ""))


def _line(kind: type[BaseSettings], error: ErrorDetails, options: Mapping[str, object]) -> str:
    """The error in words: the setting as the user wrote it, the expected value, the given value."""
    reason = error.get("ctx", {}).get("error")
    if not error["loc"]:  # of several settings together
        return str(reason or error["msg"])
    name = str(error["loc"][0])
    option, variable = f"--{name.replace('_', '-')}", f"{prefix_of(kind)}{name.upper()}"
    if error["type"] == "missing":
        return f"expected {option} or the environment variable {variable}, got neither"
    field = kind.model_fields[name]
    said = str(reason) if reason else f"expected {expected_value(field)}, got {_shown(error['input'])}"
    return f"{option if name in options else variable}: {said}"


def _shown(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else repr(value)
