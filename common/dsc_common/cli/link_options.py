"""The fields of `LinkSettings` as options of a command; an option that is not given stays None."""

import functools
import inspect
from collections.abc import Callable
from typing import Any

import typer

from dsc_common.radio.link import LINK_FIELDS, LinkChoice
from dsc_common.radio.link_field import LinkField

PANEL = "Radio link: the channel's settings (their defaults in brackets) unless given"
_LINK = "link"


def with_link_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command one option per field of the link.

    Args:
        command: a Typer command with a keyword-only parameter `link: LinkChoice`.

    Returns:
        The command with the options in place of that parameter, for `app.command()`.
    """
    signature = inspect.signature(command)
    kept = [parameter for name, parameter in signature.parameters.items() if name != _LINK]
    options = [_option(field) for field in LINK_FIELDS]

    @functools.wraps(command)
    def with_options(**given: Any) -> None:  # noqa: ANN401 (any option)
        chosen = {field.name: given.pop(field.name) for field in LINK_FIELDS}
        command(**given, **{_LINK: LinkChoice(**chosen)})

    # Typer reads both.
    with_options.__signature__ = signature.replace(parameters=[*kept, *options])  # type: ignore[attr-defined]
    with_options.__annotations__ = {option.name: option.annotation for option in [*kept, *options]}
    return with_options


def _option(field: LinkField) -> inspect.Parameter:
    option = typer.Option(None, help=_help(field), show_default=False, rich_help_panel=PANEL)
    return inspect.Parameter(
        field.name, inspect.Parameter.KEYWORD_ONLY, default=option, annotation=field.kind | None
    )


def _help(field: LinkField) -> str:
    if field.kind is bool:
        flag = field.name.replace("_", "-")
        default = f"--{flag}" if field.default else f"--no-{flag}"
    else:
        default = f"{field.default:g}" if field.kind is float else str(field.default)
    unit = f" {field.about.unit}" if field.about.unit else ""
    return f"{field.about.text} ({default}{unit})"
