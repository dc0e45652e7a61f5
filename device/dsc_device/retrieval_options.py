"""Retrieval options as options of a command."""

from collections.abc import Callable, Mapping
from typing import Any

import typer

from dsc_common.cli.option_group import option, with_option_group
from dsc_common.cli.settings import refused_as_setting
from dsc_common.cli.streams import say
from dsc_common.retrieval.options import DEFAULT_TOP, Policy, Ranking, RetrievalOptions

_OPTIONS = "options"


def with_retrieval_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command one option per retrieval option.

    Args:
        command: a Typer command with a keyword-only parameter `options: RetrievalOptions`.

    Returns:
        The command with the options in place of that parameter, for `app.command()`.
    """
    return with_option_group(command, _OPTIONS, OPTIONS, _options)


def _options(values: Mapping[str, Any]) -> RetrievalOptions:
    with refused_as_setting():
        return RetrievalOptions(**{name: value for name, value in values.items() if value is not None})


def _ranking(text: str) -> Ranking:
    try:
        ranking = Ranking(text)
    except ValueError:
        raise typer.BadParameter(f"expected one of {', '.join(Ranking)}, got {text!r}") from None
    if text != ranking:
        say(f"note: the ranking {text} is now named {ranking}")
    return ranking


def _about(text: str, **more: Any) -> Any:  # noqa: ANN401 (what typer.Option takes)
    return typer.Option(None, help=text, show_default=False, **more)


OPTIONS = [
    option("top", int, _about(f"Number of results. (default: {DEFAULT_TOP})")),
    option(
        "ranking",
        Ranking,
        _about(
            "Eq. (14), eq. (15), or one estimate of q. (default: the index's)",
            parser=_ranking,
            metavar=f"[{'|'.join(Ranking)}]",
        ),
    ),
    option("receiver", str, _about("Name of the server's receiver. (default: the server's)")),
    option("policy", Policy, _about(f"Action on low confidence. (default: {Policy.RETURN})")),
    option(
        "confidence_threshold",
        float,
        _about("Threshold of low confidence, 0 to 1. (default: the server's)"),
    ),
]
