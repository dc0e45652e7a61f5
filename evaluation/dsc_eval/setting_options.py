"""A command made from settings: an option for each setting with a description."""

import inspect
from collections.abc import Callable
from typing import Annotated, Any, get_args, get_origin

import typer
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from dsc_common.errors import InvalidInputError

_METAVARS = {int: "N,…", float: "X,Y,…"}  # of lists; A,B,… of all others


def command_with_settings(settings: type[BaseModel], run: Callable[..., None]) -> Callable[..., None]:
    """The function that Typer makes a command of.

    Args:
        settings: each setting with a description becomes an option, None where it is not given.
        run: is called with the settings that were chosen, a mapping, and then with the options that its other
            parameters describe. The first two of these come before the settings in `--help`.
    """
    fields = {name: field for name, field in settings.model_fields.items() if field.description}

    def command(**given: Any) -> None:  # noqa: ANN401 - as the signature below says
        chosen = {name: _value(given.pop(name), field) for name, field in fields.items()}
        run(chosen, **given)

    of_settings = [_parameter(name, field) for name, field in fields.items()]
    shared = [
        parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY)
        for parameter in list(inspect.signature(run).parameters.values())[1:]
    ]
    command.__signature__ = inspect.Signature([*shared[:2], *of_settings, *shared[2:]])  # type: ignore[attr-defined]
    return command


def _parameter(name: str, field: FieldInfo) -> inspect.Parameter:
    """A setting as a parameter for Typer: a list as text with commas, anything else as it is."""
    item = _item(field)
    kind: Any = field.annotation if item is None else str
    metavar = None if item is None else _METAVARS.get(item, "A,B,…")
    option = typer.Option(metavar=metavar, help=field.description)
    annotation = Annotated[kind | None, option]
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=annotation)


def _item(field: FieldInfo) -> type | None:
    """Type of a list's items; None where the setting is no list."""
    return get_args(field.annotation)[0] if get_origin(field.annotation) is list else None


def _value(given: object, field: FieldInfo) -> object:
    """An option as its setting expects it; None where it is not given, or an empty list."""
    item = _item(field)
    if item is None or given is None:
        return given
    parts = [part.strip() for part in str(given).split(",") if part.strip()]
    if item not in _METAVARS:
        return parts or None
    try:
        return [item(part) for part in parts] or None
    except ValueError as error:
        raise InvalidInputError(f"expected numbers with commas between, got {given!r}") from error
