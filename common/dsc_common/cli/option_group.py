"""Options that several commands have, put in place of one parameter of a command."""

import functools
import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any


def with_option_group(
    command: Callable[..., None],
    parameter: str,
    options: Sequence[inspect.Parameter],
    value: Callable[[Mapping[str, Any]], object],
) -> Callable[..., None]:
    """Give a command options in place of a keyword-only parameter.

    Args:
        command: a Typer command; it may have options of another group already.
        parameter: name of the parameter that the command has and its command line has not.
        options: keyword-only parameters, as Typer reads them; they follow those of the command.
        value: the options' values, by name → the value of the parameter.

    Returns:
        The command for `app.command()`.
    """
    signature = inspect.signature(command)
    others = [each for name, each in signature.parameters.items() if name != parameter]

    @functools.wraps(command)
    def with_options(**arguments: Any) -> None:  # noqa: ANN401 (any option)
        given = {option.name: arguments.pop(option.name) for option in options}
        command(**arguments, **{parameter: value(given)})

    # Typer reads both.
    with_options.__signature__ = signature.replace(parameters=[*others, *options])  # type: ignore[attr-defined]
    with_options.__annotations__ = {each.name: each.annotation for each in [*others, *options]}
    return with_options


def option(name: str, kind: object, about: object) -> inspect.Parameter:
    """An option of a group that is None unless given.

    Args:
        name: of the parameter, `server_tls_ca` for `--server-tls-ca`.
        kind: type of the value.
        about: a `typer.Option` without a default.
    """
    annotation: Any = kind | None  # type: ignore[operator]
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=about, annotation=annotation)
