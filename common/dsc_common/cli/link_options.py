"""The fields of `LinkSettings` as options of a command; an omitted option is None."""

import inspect
from collections.abc import Callable, Mapping
from typing import Any

import typer

from dsc_common.cli.option_group import option, with_option_group
from dsc_common.errors import InvalidInputError, SettingError
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
    return with_option_group(command, _LINK, [_option(field) for field in LINK_FIELDS], _choice)


def _choice(values: Mapping[str, Any]) -> LinkChoice:
    """The chosen values; SettingError, naming the option, if one is out of its bounds."""
    for field in LINK_FIELDS:
        if values[field.name] is None:
            continue
        try:
            field.about.require(values[field.name])
        except InvalidInputError as error:
            raise SettingError(f"--{field.name.replace('_', '-')}: {error}") from error
    return LinkChoice(**values)


def _option(field: LinkField) -> inspect.Parameter:
    about = typer.Option(None, help=_help(field), show_default=False, rich_help_panel=PANEL)
    return option(field.name, field.kind, about)


def _help(field: LinkField) -> str:
    if field.kind is bool:
        flag = field.name.replace("_", "-")
        default = f"--{flag}" if field.default else f"--no-{flag}"
    else:
        default = f"{field.default:g}" if field.kind is float else str(field.default)
    unit = f" {field.about.unit}" if field.about.unit else ""
    return f"{field.about.text} ({default}{unit})"
