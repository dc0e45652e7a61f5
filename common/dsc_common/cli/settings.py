"""Settings of a command, from its options and the environment."""

from typing import Any, TypeVar

import typer
from pydantic import ValidationError
from pydantic_settings import BaseSettings

_Settings = TypeVar("_Settings", bound=BaseSettings)


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
